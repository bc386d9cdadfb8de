"""Pages are cut into chunks that fit the embedder, along headings, paragraphs and sentences."""
