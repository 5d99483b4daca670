"""E-mail addresses and phone numbers as they are found in files and letters, cleaned without a guess.

What could be read as two addresses, or as another one than was meant, is refused.
"""

from regulars.crm_domain.contact.email import clean_email, visible
from regulars.crm_domain.contact.phone import COUNTRIES, clean_phone

__all__ = ["COUNTRIES", "clean_email", "clean_phone", "visible"]
