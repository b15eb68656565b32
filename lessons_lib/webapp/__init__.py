"""The web app: the page, its server, the before-and-after slider, and how a picture is fetched from an address."""
