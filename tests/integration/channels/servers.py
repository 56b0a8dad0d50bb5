"""What stands for the world outside: an HTTP server for the vendors and an SMTP server.

Both answer as they are told (`behave`): the answers of the next requests, the last one stays.
"""
import collections
import json
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from web import WebServer  # noqa: E402

OK = (200, '{"errcode":0,"errmsg":"ok","code":0,"msg":"success","ok":true,"channel":"C1",'
           '"ts":"1503435956.000247"}')


class Vendors(WebServer):
    usual = OK

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
