"""A real HTTP server that writes down what it receives and answers as it is told.

`behave(path, …)` gives the answers of the next requests of a path; the last one stays. An answer is
a status, (status, body), (status, body, headers), "drop" (the connection ends without an answer),
an Event (held until it is set, then as usual) or a function (called, then as usual).
"""
import collections
import http.server
import threading


def make_handler(server):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay open: a client may use them again

        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            request = {"method": self.command, "path": self.path, "headers": dict(self.headers),
                       "body": self.rfile.read(length).decode()}
            what = server.choose(request)
            if what == "drop":
                self.close_connection = True
                return
            status, body, headers = (what + ("", {})[len(what) - 1:])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = do_PATCH = answer

        def log_message(self, *_):
            pass

    return Handler


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        pass  # a client that was killed


class Served:
    """A server of one's own handler, on a thread."""

    def serve(self, handler):
        self.server = QuietServer(("127.0.0.1", 0), handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class WebServer(Served):
    usual = (200, "ok")

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []  # dicts of method, path, headers, body in order of arrival
        self.behaviour = {}
        self.serve(make_handler(self))

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def behave(self, path, *answers):
        with self.lock:
            self.behaviour[path] = collections.deque(answers)

    def choose(self, request):
        what = self.take(request)
        if isinstance(what, threading.Event):
            what.wait(60)
            what = None
        elif callable(what):
            what()
            what = None
        if what is None:
            return self.usual_of(request)
        return (what,) + self.usual_of(request)[1:] if isinstance(what, int) else what

    def usual_of(self, _request):
        return self.usual

    def take(self, request):
        path = request["path"].split("?")[0]
        with self.lock:
            self.requests.append(request)
            answers = self.behaviour.get(path)
            if not answers:
                return None
            return answers.popleft() if len(answers) > 1 else answers[0]

    def of(self, path):
        with self.lock:
            return [request for request in self.requests
                    if request["path"].split("?")[0] == path]
