"""Words of the library that pages show and no page writes: marked here, so that translators find them.

Pages show them by the filters `word` and `translated`. The rules' own words are whatever a business writes; here are
those that a store is founded with.
"""

from __future__ import annotations

from regulars.web.console.words import N_

ROLES = (N_("reader"), N_("clerk"), N_("owner"))

STAGES = (
    *(N_("prospect"), N_("lead"), N_("cold lead"), N_("new"), N_("active"), N_("loyal")),
    *(N_("at risk"), N_("dormant"), N_("churned"), N_("reactivated")),
)
TIERS = (N_("member"), N_("silver"), N_("gold"), N_("platinum"))
BANDS = (N_("low"), N_("medium"), N_("mid"), N_("high"), N_("critical"))

PRIORITIES = (N_("urgent"), N_("high"), N_("normal"), N_("low"))
STATUSES = (
    *(N_("unknown"), N_("new"), N_("open"), N_("awaiting customer"), N_("on hold"), N_("resolved"), N_("closed")),
    *(N_("snoozed"), N_("overdue"), N_("done"), N_("dropped"), N_("won"), N_("lost")),
    *(N_("sent"), N_("accepted"), N_("declined"), N_("expired"), N_("upcoming"), N_("ended")),
)
CLOCKS = (N_("on time"), N_("due soon"), N_("breached"), N_("met"), N_("late"))

CHANNELS = (
    *(N_("email"), N_("phone"), N_("sms"), N_("post"), N_("chat"), N_("visit"), N_("social"), N_("other")),
    *(N_("inbound"), N_("outbound")),
)
GROUPS = (
    *(N_("month"), N_("agent"), N_("priority"), N_("channel"), N_("stage"), N_("tier"), N_("segment")),
    *(N_("source"), N_("owner")),
)
PIPELINE = (N_("contacted"), N_("qualified"), N_("proposal"), N_("negotiation"))
WATERFALL = (N_("reopened"), N_("grown"), N_("shrunk"), N_("moved in"), N_("moved out"), N_("outside"))
KINDS = (N_("person"), N_("firm"))
PRICES = (N_("net"), N_("gross"))
MOVED = (
    *(N_("status"), N_("first response"), N_("resolution")),
    *(N_("due again"), N_("not yet"), N_("due"), N_("lapsed"), N_("none"), N_("in"), N_("out")),
)
CAMPAIGNS = (
    *(N_("planned"), N_("running"), N_("paused"), N_("ended"), N_("valid"), N_("over")),
    *(N_("treated"), N_("held out"), N_("skipped"), N_("tickets")),
    *(N_("assigned"), N_("sending"), N_("sent"), N_("opened"), N_("clicked"), N_("bounced"), N_("unsubscribed")),
    *(N_("no consent"), N_("too many"), N_("no address"), N_("closed"), N_("held out of all")),
)
OCCASIONS = (N_("first order"), N_("birthday month"), N_("category"), N_("survey answered"), N_("referral"))
SATISFACTION = (
    *(N_("promoter"), N_("passive"), N_("detractor")),
    *(N_("satisfied"), N_("neutral"), N_("dissatisfied")),
)

TODAY = (
    N_("Tasks that are due, or overdue"),
    N_("Reminders that are due, or overdue"),
    N_("Birthdays"),
    N_("Tickets that are late, or about to be"),
    N_("Quotes that run out, or just did"),
    N_("Contracts that end"),
    N_("Contracts that renew unless notice is given"),
    N_("Customers about to become at risk, or just become so, worth a call"),
    N_("Points that expire soon"),
    N_("Surveys to send"),
)
