"""Users of the console and their sessions, on both databases."""

from __future__ import annotations

import regulars
from regulars.upkeep.web_sessions import Visitor

PASSWORD = "a long walk by the sea"


def test_a_session_without_a_user_ends_with_the_first_user(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        alone = crm.web_sessions.begin("li", role="owner")
        assert crm.web_sessions.find(alone) == Visitor(user="li", role="owner")
        crm.users.add("li", role="reader", password=PASSWORD)
        assert crm.web_sessions.find(alone) is None
        assert crm.web_sessions.find(crm.web_sessions.begin("li")) == Visitor(user="li", role="reader")
        crm.users.disable("li")
        assert crm.web_sessions.find(alone) is None


def test_a_name_that_no_database_takes_is_nobodys(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        crm.users.add("li", role="reader", password=PASSWORD)
        assert crm.users.verify("li\x00", PASSWORD) is None
        assert crm.users.verify("li", PASSWORD) is not None
