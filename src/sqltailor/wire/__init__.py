"""Request and response shapes of other people's interfaces, for both sides: the client's and the server's."""
