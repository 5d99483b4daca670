"""Calendars: what is due on days and at times, as a file of iCalendar (RFC 5545) that calendars read."""
