"""The door for the PIC API."""
