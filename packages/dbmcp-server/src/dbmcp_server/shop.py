"""The sample shop: the same small database every time, for the demonstration and for a new project."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

__all__ = ["ORDERS", "make_shop"]

_SCHEMA = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, email TEXT UNIQUE, since DATE NOT NULL
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, price NUMERIC(10, 2) NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), ordered_on DATE NOT NULL,
    note TEXT
);
CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders (id), product_id INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0), price NUMERIC(10, 2) NOT NULL,
    PRIMARY KEY (order_id, product_id)
);
CREATE INDEX orders_by_customer ON orders (customer_id);
"""
_FIRST = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Niklaus", "Radia", "Tony"]
_LAST = ["Arden", "Brook", "Castell", "Dahl", "Engel", "Forster"]
_CITIES = ("Lisbon", "Oslo", "Graz", "Porto", "Ghent")
_PRODUCTS = {
    "stationery": ("pencil", "fountain pen", "ink", "notebook", "ruler", "eraser", "sharpener", "envelope"),
    "kitchen": ("kettle", "teapot", "mug", "whisk", "cutting board", "bread knife", "sieve", "apron"),
    "garden": ("trowel", "watering can", "gloves", "shears", "flower pot", "rake", "twine", "seed box"),
}
_NOTES = (None, None, None, "", "gift wrap", "leave with the neighbour")
#: How many orders it has.
ORDERS = 200


def make_shop(path: Path) -> None:
    """Write the sample shop to *path*: customers, products, orders and their lines, the same every time."""
    chance = random.Random(1843)  # noqa: S311 - nothing is secret about it
    path.touch()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_SCHEMA)
        people = [f"{first} {last}" for last in _LAST for first in _FIRST]
        customers = [
            (number, name, chance.choice(_CITIES), f"{name.lower().replace(' ', '.')}@example.org", _day(chance, 2023))
            for number, name in enumerate(people, 1)
        ]
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", customers)
        names = [(name, category) for category, names in _PRODUCTS.items() for name in names]
        prices = [round(chance.uniform(1, 60), 2) for _ in names]
        products = [(number, *name, prices[number - 1]) for number, name in enumerate(names, 1)]
        connection.executemany("INSERT INTO products VALUES (?, ?, ?, ?)", products)
        for order in range(1, ORDERS + 1):
            row = (order, chance.randint(1, len(people)), _day(chance, 2025), chance.choice(_NOTES))
            connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", row)
            for place in chance.sample(range(len(names)), chance.randint(1, 4)):
                line = (order, place + 1, chance.randint(1, 6), prices[place])
                connection.execute("INSERT INTO order_lines VALUES (?, ?, ?, ?)", line)


def _day(chance: random.Random, year: int) -> str:
    return (date(year, 1, 1) + timedelta(days=chance.randrange(365))).isoformat()
