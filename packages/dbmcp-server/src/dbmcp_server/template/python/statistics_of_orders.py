"""Tools in Python: a function has the name of its tool, and its parameters."""

import statistics

from dbmcp_core.runtime import db

TOTALS = """
SELECT sum(l.quantity * l.price) AS total
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
JOIN customers AS c ON c.id = o.customer_id
WHERE $city IS NULL OR c.city = $city
GROUP BY o.id
"""


def order_statistics(city: str | None) -> dict[str, object]:
    """Return the number of orders, and the mean and the median of what they come to."""
    totals = [float(row["total"]) for row in db.execute(TOTALS, {"city": city})]
    if not totals:
        return {"orders": 0}
    return {
        "orders": len(totals),
        "mean": round(statistics.mean(totals), 2),
        "median": round(statistics.median(totals), 2),
    }
