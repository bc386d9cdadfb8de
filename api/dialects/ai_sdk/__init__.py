"""The UI message stream of the Vercel AI SDK, as `useChat` of ai 7, 6 and 5 reads it."""
