"""What stands for the world outside: an HTTP server for the vendors and an SMTP server.

Both answer as they are told (`behave`): the answers of the next requests, the last one stays.
"""
import collections
import http.server
import json
import socket
import threading

OK = (200, '{"errcode":0,"errmsg":"ok","code":0,"msg":"success","ok":true,"channel":"C1",'
           '"ts":"1503435956.000247"}')


class Vendors:
    """An answer is (status, body), or an Event: held until it is set, then OK."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []  # dicts in order of arrival
        self.behaviour = {}
        vendors = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                what = vendors.take({"path": self.path, "headers": dict(self.headers),
                                     "body": body})
                if isinstance(what, threading.Event):
                    what.wait(60)
                    what = OK
                status, text = what[:2]
                data = text.encode()
                self.send_response(status)
                for name, value in (what[2] if len(what) > 2 else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that was killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def behave(self, path, *answers):
        with self.lock:
            self.behaviour[path] = collections.deque(answers)

    def take(self, request):
        path = request["path"].split("?")[0]
        with self.lock:
            self.requests.append(request)
            answers = self.behaviour.get(path)
            if not answers:
                return OK
            return answers.popleft() if len(answers) > 1 else answers[0]

    def of(self, path):
        with self.lock:
            return [request for request in self.requests
                    if request["path"].split("?")[0] == path]

    def bodies(self, path):
        return [json.loads(request["body"]) for request in self.of(path)]


class Smtp:
    """One thread per connection. An answer to DATA's end is a line, or an Event: held, then 250.
    `replies` of a word ("RCPT", "MAIL", "AUTH" …) replace the usual ones."""

    def __init__(self):
        self.lock = threading.Lock()
        self.mails = []  # (from, [to], bytes), taken or not
        self.behaviour = collections.deque()
        self.replies = {}
        self.words = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.socket.close()

    def behave(self, *answers):
        with self.lock:
            self.behaviour = collections.deque(answers)

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def end_of_data(self):
        with self.lock:
            if not self.behaviour:
                return "250 taken"
            return self.behaviour.popleft() if len(self.behaviour) > 1 else self.behaviour[0]

    def read_data(self, lines):
        data = b""
        for line in lines:
            if line == b".\r\n":
                return data
            data += line[1:] if line.startswith(b".") else line
        return None

    def serve(self, connection):
        usual = {"EHLO": "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME", "DATA": "354 go on",
                 "AUTH": "235 well", "QUIT": "221 bye"}
        sender, to = None, []
        with connection, connection.makefile("rb") as lines:
            try:
                connection.sendall(b"220 test\r\n")
                for line in lines:
                    text = line.decode().strip()
                    word = text.split(" ")[0].upper()
                    self.words.append(text)
                    if word == "MAIL":
                        sender, to = text.split(":", 1)[1], []
                    elif word == "RCPT":
                        to.append(text.split(":", 1)[1])
                    if word == "AUTH":
                        connection.sendall(b"334 \r\n")
                        self.words.append(lines.readline().decode().strip())
                    reply = self.replies.get(word, usual.get(word, "250 ok"))
                    connection.sendall(reply.encode() + b"\r\n")
                    if word == "QUIT":
                        return
                    if word != "DATA" or not reply.startswith("354"):
                        continue
                    data = self.read_data(lines)
                    if data is None:
                        return
                    with self.lock:
                        self.mails.append((sender, to, data))
                    answer = self.end_of_data()
                    if isinstance(answer, threading.Event):
                        answer.wait(60)
                        answer = "250 taken"
                    connection.sendall(answer.encode() + b"\r\n")
            except OSError:
                return  # a client that was killed
