"""How a knowledge base is opened: the only place where parts are chosen and joined."""
