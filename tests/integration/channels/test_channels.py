#!/usr/bin/env python3
"""What each channel gets, byte for byte, and what becomes of it when the channel is ill."""
import base64
import email
import email.policy
import hashlib
import hmac
import json
import os
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import SECRET, TOKEN, World, wait_until  # noqa: E402
from daemon import tocsin  # noqa: E402

DING, FEISHU = "/robot/send", "/open-apis/bot/v2/hook/h00k"
WECOM, SLACK, SMS = "/cgi-bin/webhook/send", "/services/T/B/X", "/sms"
POST, UPDATE = "/api/chat.postMessage", "/api/chat.update"


def hmac64(key, text):
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def read_mail(data):
    return email.message_from_bytes(data, policy=email.policy.default)


class Channels(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.world = World(directory.name)
        self.addCleanup(self.world.close)

    # ---- what arrives

    def test_an_alert_reaches_every_channel_in_its_own_form_and_signed(self):
        world = self.world
        world.say("x", "m1", kind="page")
        for name in ("ding", "feishu", "wecom", "slack", "sms", "mail", "screen"):
            world.wait_output(name, sent=1)
        alert = world.daemon.output("alerts.jsonl") or None
        self.assertIsNone(alert, "the route names others than the rule's output")

        query = urllib.parse.parse_qs(world.vendors.of(DING)[0]["path"].split("?")[1])
        self.assertEqual(query["access_token"], ["t0k"])
        stamp = query["timestamp"][0]
        self.assertLess(abs(int(stamp) / 1000 - time.time()), 60)
        self.assertEqual(query["sign"], [hmac64(SECRET, stamp + "\n" + SECRET)])
        body = world.vendors.bodies(DING)[0]
        self.assertEqual(list(body), ["msgtype", "markdown"])
        self.assertEqual(body["markdown"]["title"], "[critical] Alert firing: pay down")
        self.assertTrue(body["markdown"]["text"].startswith(
            "#### [critical] Alert firing: pay down\n\n"), body)
        self.assertIn("\n\nKey: output=x, text=m1\n\n", body["markdown"]["text"])

        body = world.vendors.bodies(FEISHU)[0]
        self.assertEqual(list(body), ["timestamp", "sign", "msg_type", "content"])
        self.assertEqual(body["sign"], hmac64(body["timestamp"] + "\n" + SECRET, ""))
        post = body["content"]["post"]["zh_cn"]
        self.assertEqual(post["title"], "[critical] 告警触发：pay down")
        self.assertIn([{"tag": "text", "text": "对象：output=x, text=m1"}], post["content"])

        body = world.vendors.bodies(WECOM)[0]
        self.assertTrue(body["markdown"]["content"].startswith(
            "**[critical] Alert firing: pay down**\n>"), body)
        self.assertTrue(world.vendors.bodies(SLACK)[0]["text"].startswith(
            "*[critical] Alert firing: pay down*\n"))

        request = world.vendors.of(SMS)[0]
        self.assertEqual(request["path"], "/sms?to=%2B8613800001111")
        self.assertEqual(request["headers"]["X-Key"], "g4te")
        self.assertEqual(json.loads(request["body"]), {
            "to": "+8613800001111", "text": "[critical] Alert firing: pay down",
            "id": request["headers"]["Idempotency-Key"]})

        sender, to, data = world.smtp.mails[0]
        self.assertEqual((sender.split(" ")[0], to),
                         ("<tocsin@example.com>", ["<duty@example.com>", "<boss@example.com>"]))
        self.assertIn(base64.b64encode(b"\0u\0p4ss").decode(), world.smtp.words)
        mail = read_mail(data)
        self.assertEqual(mail["Subject"], "[critical] Alert firing: pay down")
        self.assertIn("\r\nKey: output=x, text=m1\r\n", mail.get_content())
        self.assertIn("[critical] Alert firing: pay down\n  ", world.daemon.log())

    def test_texts_from_a_log_stay_texts(self):
        world = self.world
        hostile = 'a\r\nBcc: evil@x.y\r\n\r\n.\r\nQUIT <!channel> ![p](http://evil/) "}, {中'
        for name in ("mail", "slack", "ding", "sms"):
            world.say(name, hostile)
            world.wait_output(name, sent=1)
        mail = read_mail(world.smtp.mails[0][2])
        self.assertNotIn("Bcc", mail)
        self.assertEqual(world.smtp.mails[0][1], ["<duty@example.com>", "<boss@example.com>"])
        self.assertEqual(mail["Subject"], "a ")
        self.assertEqual(len(world.smtp.mails), 1)
        self.assertIn("Bcc: evil@x.y", mail.get_content())
        self.assertIn("QUIT <!channel>", mail.get_content())
        text = world.vendors.bodies(SLACK)[0]["text"]
        self.assertNotIn("<!", text)
        self.assertIn("&lt;!channel&gt;", text)
        self.assertNotIn("](", world.vendors.bodies(DING)[0]["markdown"]["text"])
        self.assertEqual(list(world.vendors.bodies(SMS)[0]), ["to", "text", "id"])

    def test_over_long_texts_are_cut_to_the_channels_limit(self):
        world = self.world
        for name in ("ding", "feishu", "wecom", "slack", "sms"):
            world.say(name, "中文,\"引号\"", "一行\n", kind="long")
            world.wait_output(name, sent=2)
        for path, limit in ((DING, 20000), (FEISHU, 20480), (SLACK, 16000)):
            for request in world.vendors.of(path):
                self.assertLessEqual(len(request["body"].encode()), limit, path)
        found = sorted(body["msgtype"] for body in world.vendors.bodies(WECOM))
        self.assertEqual(found, ["markdown", "text"])
        for body in world.vendors.bodies(WECOM):
            content = body[body["msgtype"]]["content"]
            self.assertLessEqual(len(content.encode()),
                                 4096 if body["msgtype"] == "markdown" else 2048)
            self.assertTrue(content.endswith("…"))
        for body in world.vendors.bodies(SMS):
            self.assertLessEqual(len(body["text"]), 300)

    # ---- ill channels

    def test_http_200_with_a_code_is_a_failure_and_tried_again(self):
        world = self.world
        busy = (200, '{"errcode":-1,"errmsg":"system busy"}')
        world.vendors.behave(DING, busy, busy, (200, '{"errcode":0,"errmsg":"ok"}'))
        world.say("ding", "hello")
        row = world.wait_output("ding", sent=1, waiting=0)
        self.assertEqual((row["retries"], row["dead"]), (2, 0))
        bodies = world.vendors.bodies(DING)
        self.assertEqual(len(bodies), 3)
        self.assertEqual(bodies[0], bodies[2])

    def test_a_message_that_the_channel_will_never_take_delays_no_other(self):
        world = self.world
        world.vendors.behave(WECOM, (200, '{"errcode":40058,"errmsg":"bad"}'),
                             (200, '{"errcode":0,"errmsg":"ok"}'))
        world.say("wecom", "one", "two")
        row = world.wait_output("wecom", sent=1, dead=1, waiting=0)
        self.assertEqual(row["retries"], 0)

    def test_a_robot_that_is_locked_out_is_left_alone_and_the_row_waits(self):
        world = self.world
        world.vendors.behave(DING, (200, '{"errcode":130101,"errmsg":"send too fast"}'))
        world.vendors.behave(SMS, (503, "x"), (503, "x"), (503, "x"), (503, "x"), (200, "ok"))
        world.say("ding", "hello")
        world.wait_output("ding", retries=1)
        world.say("sms", "hello")
        world.wait_output("sms", sent=1)  # four back-offs of another output later …
        row = world.output("ding")
        self.assertEqual((row["waiting"], row["retries"], row["dead"]), (1, 1, 0))
        self.assertIn("130101", row["last_error"])
        self.assertEqual(len(world.vendors.of(DING)), 1)

    def test_a_limit_told_by_retry_after_is_kept(self):
        world = self.world
        world.vendors.behave(SLACK, (429, "slow down", {"Retry-After": "2"}), (200, "ok"))
        world.say("slack", "hello")
        start = world.wait_requests(SLACK, 1) and time.monotonic()
        world.wait_output("slack", sent=1)
        self.assertGreater(time.monotonic() - start, 1.5)

    def test_a_slow_answer_ends_at_the_timeout_and_is_tried_again(self):
        world = self.world
        held = threading.Event()
        world.vendors.behave(SLACK, held, (200, "ok"))
        world.say("slack", "hello")
        row = world.wait_output("slack", sent=1)
        held.set()
        self.assertGreaterEqual(row["retries"], 1)
        self.assertGreaterEqual(len(world.vendors.of(SLACK)), 2)

    def test_a_channel_that_is_gone_is_told_without_its_key(self):
        world = self.world
        world.vendors.close()
        world.say("ding", "hello")
        row = world.wait_output("ding", retries=1)
        self.assertEqual(row["waiting"], 1)
        self.assertIn("did not answer", row["last_error"])
        for text in (row["last_error"], world.daemon.log()):
            self.assertNotIn("t0k", text)

    def test_an_output_keeps_its_rate_and_loses_nothing(self):
        world = self.world
        times = []
        take = world.vendors.take

        def stamped(request):
            times.append(time.monotonic())
            return take(request)
        world.vendors.take = stamped
        world.say("slow", "a", "b", "c", "d")
        row = world.wait_output("slow", sent=4, waiting=0)
        self.assertEqual(sorted(r["body"] for r in world.vendors.of("/slow")),
                         ["a", "b", "c", "d"])
        for earlier, later in zip(times, times[1:]):
            self.assertGreater(later - earlier, 0.5)  # a busy machine may see one of them late
        self.assertGreater(times[3] - times[0], 2.5)
        self.assertGreaterEqual(row["held"], 3)
        self.assertEqual(row["dead"], 0)

    def test_a_storm_of_alerts_is_few_messages_and_delays_nobody_else(self):
        world = self.world
        storm = 3000
        world.say("x", *["m%d" % i for i in range(storm)], kind="storm")
        world.say("sms", "P1")
        world.wait_output("sms", sent=1)

        def counted():
            return sum(int(body["markdown"]["content"].split("] ")[1].split(" ")[0])
                       for body in world.vendors.bodies(WECOM))
        wait_until(lambda: counted() >= storm, 60, "%d alerts to be told" % storm)
        self.assertEqual(counted(), storm)
        self.assertLessEqual(len(world.vendors.of(WECOM)), 6)

    # ---- mail

    def test_mail_is_tried_again_or_given_up_as_the_server_says(self):
        world = self.world
        world.smtp.behave("451 later", "250 taken")
        world.say("mail", "one")
        row = world.wait_output("mail", sent=1)
        self.assertEqual((row["retries"], row["dead"]), (1, 0))
        world.smtp.behave("554 no", "250 taken")
        world.say("mail", "two")
        row = world.wait_output("mail", dead=1)
        self.assertIn("554", row["last_error"])
        world.smtp.replies["MAIL"] = "530 who are you"
        world.say("mail", "three")
        row = world.wait_output("mail", retries=2)
        self.assertEqual(row["dead"], 1)
        del world.smtp.replies["MAIL"]
        world.wait_output("mail", sent=2, waiting=0)
        self.assertNotIn("p4ss", world.daemon.log())

    def test_a_mail_server_that_does_not_answer_is_tried_again(self):
        world = self.world
        held = threading.Event()
        world.smtp.behave(held, "250 taken")
        world.say("near", "slow")
        row = world.wait_output("near", sent=1)
        held.set()
        self.assertGreaterEqual(row["retries"], 1)
        self.assertEqual(len({read_mail(mail[2])["Message-ID"] for mail in world.smtp.mails}), 1)

    def test_a_password_never_goes_to_a_mail_server_without_tls(self):
        world = self.world
        done = tocsin("notify", "test", "tls", "--site", world.site.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("did not answer", done.stderr)
        self.assertEqual([word for word in world.smtp.words if "AUTH" in word or "MAIL" in word],
                         [])

    def test_mails_of_an_incident_are_one_thread(self):
        world = self.world
        world.say("mail", "x", kind="twice")
        one, two = (read_mail(mail[2]) for mail in world.wait_mails(2))
        self.assertEqual(one["References"], two["References"])
        self.assertNotEqual(one["Message-ID"], two["Message-ID"])

    # ---- kill -9

    def test_a_kill_between_send_and_answer_sends_again_with_the_same_id(self):
        world = self.world
        held = threading.Event()
        world.vendors.behave(SMS, held)
        world.smtp.behave(held)
        world.say("sms", "called")
        world.say("mail", "mailed")
        world.wait_requests(SMS, 1)
        world.wait_mails(1)
        world.daemon.kill()
        world.vendors.behave(SMS, (200, "ok"))
        world.smtp.behave("250 taken")
        held.set()
        world.daemon.start()
        world.wait_output("sms", sent=1, waiting=0)
        world.wait_output("mail", sent=1, waiting=0)
        one, two = world.vendors.of(SMS)
        self.assertEqual(one["headers"]["Idempotency-Key"], two["headers"]["Idempotency-Key"])
        self.assertEqual(one["body"], two["body"])
        first, second = (read_mail(mail[2]) for mail in world.smtp.mails)
        self.assertEqual(first["Message-ID"], second["Message-ID"])

    def test_a_kill_after_the_answer_sends_nothing_again(self):
        world = self.world
        world.say("sms", "called")
        world.wait_output("sms", sent=1, waiting=0)
        world.say("slow", "later")  # its commit carries the deletion of the row before
        world.wait_output("slow", sent=1, waiting=0)
        world.restart()
        world.say("sms", "again")
        world.wait_output("sms", sent=1, waiting=0)
        self.assertEqual([body["text"] for body in world.vendors.bodies(SMS)],
                         ["called", "again"])

    # ---- one message an incident

    def test_slack_has_one_message_an_incident_that_is_edited(self):
        world = self.world
        world.say("bot", "x", kind="twice")
        world.wait_output("bot", sent=2, waiting=0)
        self.assertEqual(world.vendors.bodies(POST), [{"channel": "C1", "text": "*x one*"}])
        self.assertEqual(world.vendors.bodies(UPDATE), [
            {"channel": "C1", "ts": "1503435956.000247", "text": "*x two*"}])
        self.assertEqual(world.vendors.of(POST)[0]["headers"]["Authorization"], "Bearer " + TOKEN)

    def test_slack_edits_after_a_kill_what_was_sent_before(self):
        world = self.world
        refusal = (200, '{"ok":false,"error":"internal_error"}')
        world.vendors.behave(UPDATE, refusal)
        world.say("bot", "x", kind="twice")
        world.wait_output("bot", sent=1, retries=1)
        world.daemon.kill()
        world.vendors.behave(UPDATE, (200, '{"ok":true,"channel":"C1","ts":"1"}'))
        world.daemon.start()
        world.wait_output("bot", sent=1, waiting=0)
        self.assertEqual(len(world.vendors.of(POST)), 1)
        self.assertEqual(world.vendors.bodies(UPDATE)[-1]["ts"], "1503435956.000247")

    def test_slack_posts_anew_when_the_message_is_gone(self):
        world = self.world
        world.vendors.behave(UPDATE, (200, '{"ok":false,"error":"message_not_found"}'))
        world.say("bot", "x", kind="twice")
        world.wait_output("bot", sent=2, waiting=0)
        self.assertEqual([body["text"] for body in world.vendors.bodies(POST)],
                         ["*x one*", "*x two*"])

    # ---- tocsin notify test

    def test_a_dry_run_prints_what_a_real_one_sends_and_touches_nothing(self):
        world = self.world
        for name, path in (("ding", DING), ("feishu", FEISHU), ("wecom", WECOM),
                           ("slack", SLACK), ("bot", POST), ("sms", SMS)):
            arguments = ["notify", "test", name, "--event", "opened", "--site",
                         world.site.directory]
            dry = tocsin(*arguments, "--dry-run")
            self.assertEqual(dry.returncode, 0, dry.stderr)
            self.assertEqual(world.vendors.of(path), [])
            for secret in (SECRET, TOKEN, "t0k", "h00k", "k3y", "g4te"):
                self.assertNotIn(secret, dry.stdout + dry.stderr)
            real = tocsin(*arguments)
            self.assertEqual((real.returncode, real.stderr),
                             (0, "notify: %s: delivered\n" % name))
            sent, = world.vendors.of(path)
            printed = json.loads(dry.stdout.split("\n\n", 1)[1])
            posted = json.loads(sent["body"])
            for body in (printed, posted):
                for name_of_moment in ("timestamp", "sign", "id"):
                    body.pop(name_of_moment, None)
            self.assertEqual(printed, posted)

    def test_a_failed_test_says_what_the_channel_answered(self):
        world = self.world
        world.vendors.behave(WECOM, (200, '{"errcode":93000,"errmsg":"invalid webhook url"}'))
        done = tocsin("notify", "test", "wecom", "--site", world.site.directory)
        self.assertEqual((done.returncode, done.stderr), (1, (
            "notify: wecom: The channel answered with code 93000: invalid webhook url\n")))
        done = tocsin("notify", "test", "alerts", "--site", world.site.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no output \"alerts\" for people; it has ding, feishu, wecom", done.stderr)
        for wrong in (["test"], ["test", "ding", "--event", "x"], ["ding"],
                      ["test", "ding", "--language", "fr"]):
            self.assertEqual(tocsin("notify", *wrong).returncode, 2, wrong)
        done = tocsin("notify", "test", "ding", "--event", "opend")
        self.assertIn('no event "opend"; there are candidate opened acked', done.stderr)

    # ---- reload

    def test_a_reload_without_a_secret_is_refused_and_changes_nothing(self):
        world = self.world
        path = os.path.join(world.site.directory, "tocsin.lua")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        world.site.write("tocsin.lua", text.replace("FEISHU_KEY", "NO_SUCH_KEY"))
        files = world.daemon.call("reload", {"wait": True})
        self.assertIn("the environment has no variable NO_SUCH_KEY", json.dumps(files))
        world.say("feishu", "still here")
        world.wait_output("feishu", sent=1)


if __name__ == "__main__":
    unittest.main()
