#!/usr/bin/env python3
"""group.create against servers that answer as WeCom and Feishu document it: one step, one chat."""
import http.server
import json
import os
import sys
import tempfile
import threading
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, support  # noqa: E402
from web import Served  # noqa: E402

TOKEN = "tok/en+" + "x" * 300


class Chats(Served):
    """Both services. `behave(path, what…)`: "drop" (done without an answer), an Event (held before
    it is done), a table (the answer; nothing is done)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.chats = {}     # id: what it was made with
        self.requests = []  # (method, path, query, headers, body)
        self.messages = []
        self.next = {}
        chats = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self, body):
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def take(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                with chats.lock:
                    chats.requests.append((self.command, url.path, query, dict(self.headers), body))
                    rows = chats.next.get(url.path) or []
                    what = rows.pop(0) if rows else None
                if isinstance(what, threading.Event):
                    what.wait(60)
                return url.path, query, body, what

            def answer(self):
                path, query, body, what = self.take()
                if isinstance(what, dict):
                    self.reply(what)
                    return
                with chats.lock:
                    reply = getattr(chats, path.strip("/").replace("/", "_").replace("-", "_"))(
                        query, body, self.headers)
                if what == "drop":
                    self.close_connection = True
                    return
                self.reply(reply)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.serve(Handler)
        self.url = "http://127.0.0.1:%d" % self.port

    def behave(self, path, *what):
        with self.lock:
            self.next[path] = list(what)

    def sent(self, path):
        with self.lock:
            return [row for row in self.requests if row[1] == path]

    def named(self, name):
        with self.lock:
            return [(key, chat) for key, chat in self.chats.items() if chat["name"] == name]

    # ---- WeCom (document/path/91039, 90245, 98914, 90248)

    def cgi_bin_gettoken(self, query, _body, _headers):
        if query != {"corpid": "ww0123", "corpsecret": "se/cret+&x"}:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        return {"errcode": 0, "errmsg": "ok", "access_token": TOKEN, "expires_in": 7200}

    def cgi_bin_appchat_create(self, query, body, _headers):
        if query["access_token"] != TOKEN:
            return {"errcode": 40014, "errmsg": "invalid access_token"}
        if body["chatid"] in self.chats:
            return {"errcode": 86215, "errmsg": "chatid exists"}
        self.chats[body["chatid"]] = body
        return {"errcode": 0, "errmsg": "ok", "chatid": body["chatid"]}

    def cgi_bin_appchat_get(self, query, _body, _headers):
        if query["chatid"] not in self.chats:
            return {"errcode": 86001, "errmsg": "chatid invalid"}
        return {"errcode": 0, "errmsg": "ok", "chat_info": {"chatid": query["chatid"]}}

    def cgi_bin_appchat_send(self, _query, body, _headers):
        self.messages.append(body)
        return {"errcode": 0, "errmsg": "ok"}

    # ---- Feishu

    def open_apis_auth_v3_tenant_access_token_internal(self, _query, body, _headers):
        if body != {"app_id": "cli_1", "app_secret": "se/cret+&x"}:
            return {"code": 10014, "msg": "app secret invalid"}
        return {"code": 0, "msg": "ok", "tenant_access_token": TOKEN, "expire": 7200}

    def open_apis_im_v1_chats(self, query, body, headers):
        if headers["Authorization"] != "Bearer " + TOKEN:
            return {"code": 99991663, "msg": "Invalid access token for authorization."}
        chat = "oc_" + query["uuid"]  # a word is answered once: the same chat for the same word
        self.chats.setdefault(chat, dict(body, **query))
        return {"code": 0, "msg": "success", "data": {"chat_id": chat, "name": body["name"]}}

    def open_apis_im_v1_messages(self, query, body, _headers):
        assert query == {"receive_id_type": "chat_id"}
        self.messages.append(body)
        return {"code": 0, "msg": "success", "data": {"message_id": "om_1"}}


GROUP = """
    return ctx:group("war", { to = "%s", name = "%s", people = { "schedule:pay", "role:commander",
      "person:wang", "zhao" }, text = "see \\"it\\"\\nnow" },
      { retry = { max = 3, first = "20ms", jitter = 0 } })"""

PLANS = {
    "wecom": GROUP % ("wecom", "wecom"),
    "lost": GROUP % ("wecom", "lost"),
    "killed": GROUP % ("wecom", "killed"),
    "denied": GROUP % ("wecom", "denied"),
    "busy": GROUP % ("wecom", "busy"),
    "feishu": GROUP % ("feishu", "feishu"),
    "greeting": GROUP % ("feishu", "greeting"),
    "refused": """
    local out = {}
    local function try(name, to, people, title, text)
      local _, why = ctx:group(name, { to = to, name = title or "x", people = people,
        text = text or "t" }, { on_fail = "continue", retry = { max = 1 } })
      out[name] = why
    end
    try("where", "elsewhere", { "wang" })
    try("nobody", "wecom", { "role:none" })
    try("schedule", "wecom", { "schedule:none" })
    try("person", "wecom", { "none" })
    try("empty", "wecom", {})
    try("few", "wecom", { "wang", "zhao" })
    try("long", "wecom", { "wang", "li" }, ("微"):rep(51))
    try("gone", "gone", { "wang", "li" })
    return out""",
}

SITE = """
  people = { wang = { name = "Wang" }, li = { name = "Li", roles = { "commander" } },
    chen = { name = "Chen", roles = { "commander" } }, zhao = { name = "Zhao" } },
  schedules = { pay = { layers = { { people = { "wang" } } } } },
  groups = {
    wecom = { kind = "wecom", app = "ww0123", secret = { env = "CHAT_KEY" }, url = "@U",
      members = { wang = "WangWei", li = "LiNa", chen = "ChenYi" }, owner = "li" },
    feishu = { kind = "feishu", app = "cli_1", secret = { env = "CHAT_KEY" }, url = "@U",
      members = { wang = "ou_1", li = "ou_2", chen = "ou_3" } },
    gone = { kind = "wecom", app = "ww0123", secret = { env = "NO_SUCH" }, url = "@U",
      members = { wang = "WangWei", li = "LiNa" } },
  },"""


class Group(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["CHAT_KEY"] = "se/cret+&x"
        cls.folder = tempfile.TemporaryDirectory()
        cls.chats = Chats()
        cls.world = World(cls.folder.name, PLANS, SITE.replace("@U", cls.chats.url))

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.chats.close()
        cls.folder.cleanup()

    def hidden(self, run):
        text = json.dumps(run) + "".join(self.world.notes(run))
        for part in ("se/cret", "tok/en", "xxxxx", "corpsecret"):
            self.assertNotIn(part, text)

    def test_wecom_gets_the_documented_requests(self):
        run, result = self.world.play("wecom")
        (chat, made), = self.chats.named("wecom")
        self.assertRegex(chat, "^[0-9a-zA-Z]{1,32}$")
        self.assertEqual(dict(made, userlist=sorted(made["userlist"])),
                         {"name": "wecom", "owner": "LiNa", "chatid": chat,
                          "userlist": ["ChenYi", "LiNa", "WangWei"]})
        self.assertEqual([m for m in self.chats.messages if m.get("chatid") == chat],
                         [{"chatid": chat, "msgtype": "text", "safe": 0,
                           "text": {"content": 'see "it"\nnow'}}])
        self.assertEqual(result["group"], chat)
        self.assertEqual(sorted(result["members"]), ["chen", "li", "wang"])
        self.assertEqual(result["missing"], ["zhao"])
        self.assertTrue(any("group %s, 3 members, 1 people have no id there" % chat in note
                            for note in self.world.notes(run)), self.world.notes(run))
        self.hidden(run)

    def test_feishu_gets_the_documented_requests(self):
        run, result = self.world.play("feishu")
        (chat, made), = self.chats.named("feishu")
        self.assertEqual(sorted(made["user_id_list"]), ["ou_1", "ou_2", "ou_3"])
        self.assertEqual((made["user_id_type"], "owner_id" in made), ("open_id", False))
        self.assertLessEqual(len(made["uuid"]), 50)
        message, = [m for m in self.chats.messages if m.get("receive_id") == chat]
        self.assertEqual(json.loads(message["content"]), {"text": 'see "it"\nnow'})
        self.assertEqual((message["msg_type"], message["uuid"]), ("text", made["uuid"]))
        self.assertEqual(result["group"], chat)
        self.hidden(run)

    def test_a_chat_whose_answer_was_lost_is_found_again(self):
        self.chats.behave("/cgi-bin/appchat/create", "drop")
        run, result = self.world.play("lost")
        (chat, _), = self.chats.named("lost")
        self.assertEqual(result["group"], chat)
        self.assertGreaterEqual(len(self.chats.sent("/cgi-bin/appchat/get")), 1)
        self.hidden(run)

    def test_a_first_message_that_was_lost_makes_no_second_chat(self):
        self.chats.behave("/open-apis/im/v1/messages", "drop", {"code": 230002, "msg": "bot out"})
        run, result = self.world.play("greeting")
        self.assertEqual(len(self.chats.named("greeting")), 1)
        errors = [r["error"] for r in run["journal"] if r["type"] == "StepFailed"]
        self.assertEqual(len(errors), 2)
        self.assertEqual(errors[1], "the first message: code 230002: bot out")
        words = {m["uuid"] for m in self.chats.messages if m.get("receive_id") == result["group"]}
        self.assertEqual(len(words), 1)
        self.hidden(run)

    def test_what_the_service_refuses_is_final_and_what_is_busy_is_not(self):
        self.chats.behave("/cgi-bin/appchat/create", {"errcode": 60011, "errmsg": "no privilege"})
        run, _ = self.world.end(self.world.begin("denied"), "failed")
        errors = [r["error"] for r in run["journal"] if r["type"] == "StepFailed"]
        self.assertEqual(errors, ["making the group: code 60011: no privilege"])
        self.chats.behave("/cgi-bin/appchat/create", {"errcode": 45009, "errmsg": "too many"},
                          {"errcode": 40014, "errmsg": "invalid access_token"})
        run, _ = self.world.play("busy")
        self.assertEqual(len([r for r in run["journal"] if r["type"] == "StepFailed"]), 2)
        self.assertEqual(len(self.chats.named("busy")), 1)

    def test_what_is_no_group_is_refused(self):
        before = len(self.chats.requests)
        _, why = self.world.play("refused")
        self.assertIn('the site has no group "elsewhere"', why["where"])
        self.assertIn('nobody of the site has the role "none"', why["nobody"])
        self.assertIn('the site has no schedule "none"', why["schedule"])
        self.assertIn('the site has nobody called "none"', why["person"])
        self.assertIn("people must be a list of 1 to 100 names", why["empty"])
        self.assertIn('1 of the people have an id in group "wecom"; at least 2', why["few"])
        self.assertIn("name has more than 50 letters", why["long"])
        self.assertIn("NO_SUCH", why["gone"])
        self.assertEqual(len(self.chats.requests), before)

    def test_z_a_crash_while_it_is_made_makes_one_chat(self):
        gate = threading.Event()
        self.chats.behave("/cgi-bin/appchat/create", gate)
        before = len(self.chats.sent("/cgi-bin/appchat/create"))
        run_id = self.world.begin("killed")
        support.wait_until(lambda: len(self.chats.sent("/cgi-bin/appchat/create")) > before, 30,
                           "the request")
        self.world.daemon.kill()
        gate.set()
        support.wait_until(lambda: self.chats.named("killed"), 30, "the chat")
        self.world.daemon.start()
        run, result = self.world.end(run_id)
        (chat, _), = self.chats.named("killed")
        self.assertEqual(result["group"], chat)
        self.hidden(run)


if __name__ == "__main__":
    unittest.main()
