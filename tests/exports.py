"""Files with the headers that shops and services write, and what is known of their people; all of them are invented."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Export:
    """A file as a service writes it: its preset, the header, rows by column, and how many events they are."""

    preset: str
    header: str
    rows: Sequence[dict[str, str]]
    events: int
    optional: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        return next(csv.reader([self.header]))

    def table(self, columns: Sequence[str] | None = None) -> list[list[str]]:
        columns = self.columns if columns is None else columns
        return [list(columns), *([row.get(column, "") for column in columns] for row in self.rows)]

    def text(self, delimiter: str = ",", columns: Sequence[str] | None = None) -> str:
        written = io.StringIO()
        csv.writer(written, delimiter=delimiter).writerows(self.table(columns))
        return written.getvalue()


SHOPIFY_ORDERS = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,"
    "Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,"
    "Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,"
    "Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,"
    "Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,Source,"
    "Lineitem discount,Tax 1 Name,Tax 1 Value,Phone,Receipt Number,Duties,Billing Province Name,"
    "Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,Payment References"
)
SHOPIFY_CUSTOMERS = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,"
    "Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,"
    "Tags"
)
WOOCOMMERCE = (
    "Order Number,Order Status,Order Date,Customer Note,First Name (Billing),Last Name (Billing),Company (Billing),"
    "Address 1&2 (Billing),City (Billing),State Code (Billing),Postcode (Billing),Country Code (Billing),"
    "Email (Billing),Phone (Billing),First Name (Shipping),Last Name (Shipping),Address 1&2 (Shipping),City (Shipping),"
    "State Code (Shipping),Postcode (Shipping),Country Code (Shipping),Payment Method Title,Cart Discount Amount,"
    "Order Subtotal Amount,Shipping Method Title,Order Shipping Amount,Order Refund Amount,Order Total Amount,"
    "Order Total Tax Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Coupon Code,Discount Amount,"
    "Discount Amount Tax"
)
STRIPE = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
    "Converted Currency,Decline Reason,Description,Fee,Refunded date (UTC),Statement Descriptor,Status,Seller Message,"
    "Taxes On Fee,Card ID,Customer ID,Customer Description,Customer Email,Invoice ID,Transfer"
)
PAYPAL = (
    "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,To Email Address,Transaction ID,"
    "Shipping Address,Address Status,Item Title,Item ID,Shipping and Handling Amount,Insurance Amount,Sales Tax,"
    "Option 1 Name,Option 1 Value,Option 2 Name,Option 2 Value,Reference Txn ID,Invoice Number,Custom Number,Quantity,"
    "Receipt ID,Balance,Address Line 1,Town/City,Zip/Postal Code,Country,Contact Phone Number,Subject,Note,"
    "Country Code,Balance Impact"
)
GOOGLE = (
    "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,"
    "Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,"
    "Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value"
)
MAILCHIMP = (
    "Email Address,First Name,Last Name,Address,Phone Number,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
ZENDESK = (
    "Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,"
    "Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned at,Organization,"
    "Due date,Initially assigned at,Solved at,Resolution time,Satisfaction Score"
)
FRESHDESK = (
    "Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time,Due by Time,Resolved time,Closed time,"
    "Last update time,Initial response time,Tags,Survey results,Full name,Email,Contact ID"
)

_SHOPIFY = {
    "Email": "Ann@Example.com",
    "Financial Status": "paid",
    "Currency": "EUR",
    "Total": "50.00",
    "Created at": "2026-01-05 10:15:30 +0100",
    "Billing Name": "Ann Lee",
    "Billing Phone": "'+49 30 123456",
    "Source": "web",
}
_WOO = {
    "Order Status": "Completed",
    "Order Date": "2026-01-05 10:15",
    "First Name (Billing)": "Ann",
    "Last Name (Billing)": "Lee",
    "Email (Billing)": "ann@example.com",
    "Order Total Amount": "50.00",
}
_STRIPE = {"Created date (UTC)": "2026-01-05 10:15:30", "Customer Email": "ann@example.com", "Status": "Paid"}
_PAYPAL = {"Date": "01/15/2026", "Time": "10:15:30", "TimeZone": "CET", "Status": "Completed", "Currency": "EUR"}

EXPORTS = (
    Export(
        "shopify-orders",
        SHOPIFY_ORDERS,
        [
            {"Name": "#1001", **_SHOPIFY, "Lineitem name": "Tea", "Lineitem quantity": "2", "Lineitem price": "10.00"},
            {"Name": "#1001", "Email": "Ann@Example.com", "Lineitem name": "Mug", "Lineitem quantity": "1"}
            | {"Lineitem price": "30.00", "Created at": "2026-01-05 10:15:30 +0100"},
            {
                "Name": "#1002",
                **_SHOPIFY,
                "Financial Status": "voided",
                "Lineitem name": "Tea",
                "Lineitem quantity": "1",
            },
            {"Name": "#1003", **_SHOPIFY, "Financial Status": "partially_refunded", "Refunded Amount": "20.00"}
            | {"Lineitem name": "Tea", "Lineitem quantity": "5", "Lineitem price": "10.00"},
        ],
        events=4,
        optional=("Billing Phone", "Source"),
    ),
    Export(
        "shopify-customers",
        SHOPIFY_CUSTOMERS,
        [
            {"Customer ID": "'7001", "First Name": "Ann", "Last Name": "Lee", "Email": "ann@example.com"}
            | {"Tags": "vip, b2b", "Total Orders": "2", "Phone": "'+4930123456"},
            {"Customer ID": "'7002", "First Name": "Bob", "Email": "bob@example.com", "Total Orders": "0"},
        ],
        events=4,
        optional=("Phone",),
    ),
    Export(
        "woocommerce-orders",
        WOOCOMMERCE,
        [
            {"Order Number": "55", **_WOO, "Item Name": "Tea", "Quantity (- Refund)": "2", "Item Cost": "10.00"},
            {"Order Number": "55", **_WOO, "Item Name": "Mug", "Quantity (- Refund)": "1", "Item Cost": "30.00"},
            {"Order Number": "56", **_WOO, "Order Status": "Cancelled"},
            {"Order Number": "57", **_WOO, "Order Refund Amount": "5.00", "Item Name": "Tea"}
            | {"Quantity (- Refund)": "5", "Item Cost": "10.00"},
        ],
        events=4,
        optional=("Phone (Billing)",),
    ),
    Export(
        "stripe-payments",
        STRIPE,
        [
            {"id": "ch_1", **_STRIPE, "Amount": "59.90", "Amount Refunded": "0.00", "Currency": "eur"},
            {"id": "ch_2", **_STRIPE, "Amount": "1,059.90", "Amount Refunded": "20.00", "Currency": "eur"}
            | {"Refunded date (UTC)": "2026-01-09 08:00", "Status": "Partial refund"},
            {"id": "ch_3", **_STRIPE, "Amount": "5.00", "Currency": "eur", "Status": "Failed"},
        ],
        events=4,
        optional=("Customer Description",),
    ),
    Export(
        "paypal",
        PAYPAL,
        [
            {**_PAYPAL, "Name": "Ann Lee", "Type": "Express Checkout Payment", "Gross": "1,059.90"}
            | {"From Email Address": "ann@example.com", "Transaction ID": "T1"},
            {**_PAYPAL, "Name": "Ann Lee", "Type": "Payment Refund", "Gross": "-20.00", "Transaction ID": "T2"}
            | {"From Email Address": "shop@example.com", "Reference Txn ID": "T1"},
            {**_PAYPAL, "Type": "General Withdrawal", "Gross": "-900.00", "Transaction ID": "T3"},
        ],
        events=2,
    ),
    Export(
        "google-contacts",
        GOOGLE,
        [
            {
                "First Name": "Jürgen",
                "Last Name": "Groß",
                "E-mail 1 - Value": "j@example.com",
                "Birthday": "1990-12-10",
            },
            {"First Name": "Li", "E-mail 1 - Value": "li@example.com", "Phone 1 - Value": "+49 30 1 ::: +49 30 2"},
        ],
        events=2,
        optional=("Birthday",),
    ),
    Export(
        "mailchimp-audience",
        MAILCHIMP,
        [
            {"Email Address": "ann@example.com", "First Name": "Ann", "CONFIRM_TIME": "2026-01-05 10:15:30"}
            | {"TAGS": '"vip","b2b"'},
        ],
        events=4,
        optional=("Phone Number",),
    ),
    Export(
        "zendesk-tickets",
        ZENDESK,
        [
            {
                "Id": "17",
                "Requester": "Ann",
                "Requester email": "ann@example.com",
                "Subject": "Late",
                "Priority": "High",
            }
            | {"Created at": "2026-01-05 10:15", "Solved at": "2026-01-06 10:15"},
            {"Id": "18", "Requester": "Ann", "Requester email": "ann@example.com", "Priority": "-"}
            | {"Created at": "2026-01-07 10:15"},
        ],
        events=4,
        optional=("Subject",),
    ),
    Export(
        "freshdesk-tickets",
        FRESHDESK,
        [
            {"Ticket ID": "17", "Full name": "Ann", "Email": "ann@example.com", "Subject": "Late", "Priority": "Medium"}
            | {"Created time": "2026-01-05 10:15:00", "Resolved time": "2026-01-06 10:15:00"},
        ],
        events=3,
        optional=("Subject",),
    ),
    Export(
        "customers",
        "name,email,phone",
        [
            {"name": "Ann", "email": "Ann@Example.com", "phone": "030/123456"},
            {"name": "Bob", "email": "<b@example.com>"},
        ],
        events=2,
        optional=("phone",),
    ),
)
