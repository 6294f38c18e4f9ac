# What is for sale, from the database beside it in the pod.

import contextlib
import http.server
import os
import signal
import sys
import urllib.parse

import psycopg2

ITEMS = "SELECT name, price FROM items ORDER BY name"
OFFER = """INSERT INTO items VALUES (%(name)s, %(price)s)
           ON CONFLICT (name) DO UPDATE SET price = excluded.price"""


def database():
    # A connection for each request: the database may be restarted at any time.
    with open("/run/secrets/shop-db") as secret:
        password = secret.read()
    return contextlib.closing(
        psycopg2.connect(host="127.0.0.1", user="shop", dbname="shop", password=password)
    )


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/version":
            self.answer(200, os.environ["SHOP_VERSION"] + "\n")
        else:
            self.try_to(self.list_items)

    def do_POST(self):
        self.try_to(self.offer)

    def list_items(self):
        with database() as connection, connection.cursor() as cursor:
            cursor.execute(ITEMS)
            self.answer(200, "".join(f"{name} {price}\n" for name, price in cursor))

    def offer(self):
        length = int(self.headers.get("Content-Length", 0))
        form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
        with database() as connection, connection, connection.cursor() as cursor:
            cursor.execute(OFFER, {"name": form.get("name"), "price": form.get("price")})
        self.answer(200, "offered\n")

    def try_to(self, action):
        try:
            action()
        except psycopg2.OperationalError as error:
            self.answer(503, f"{error}\n")
        except psycopg2.Error as error:
            self.answer(400, f"{error}\n")

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# The first process of a container is not ended by a signal that it does not handle.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Shop).serve_forever()
