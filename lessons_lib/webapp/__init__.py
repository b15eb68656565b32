"""The web app: its page and server, what visitors bring and get back, and how a picture is fetched from an address."""
