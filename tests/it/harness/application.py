"""A WSGI application that answers with what it was given, and counts its requests.

Names of headers are folded as CGI does: every character but letters and digits becomes `_`.
"""
import re
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

asked = 0


class Handler(WSGIRequestHandler):
    def get_environ(self):
        environ = super().get_environ()
        for name in [name for name in environ if name.startswith("HTTP_")]:
            del environ[name]
        for name, value in self.headers.items():
            key = "HTTP_" + re.sub("[^A-Z0-9]", "_", name.upper())
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def log_message(self, *_):
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


def application(environ, start_response):
    global asked
    if environ["PATH_INFO"] == "/.asked":
        text = str(asked)
    else:
        asked += 1
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        query = environ["QUERY_STRING"] and "?" + environ["QUERY_STRING"]
        lines = [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{query}", f"BODY={len(body)}"]
        lines += sorted(f"{name}={value}" for name, value in environ.items() if name.startswith("HTTP_"))
        text = "\n".join(lines) + "\n"
    data = text.encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data))), ("X-Application", "wsgi")])
    return [data]


make_server(sys.argv[1], int(sys.argv[2]), application, Server, Handler).serve_forever()
