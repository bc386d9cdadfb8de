"""`kb tune serve`: talk to tuned models on the machine that trained them, in OpenAI's protocol.

One worker answers one request after another, over one copy of the weights. It is for trying out
and for small loads; vLLM, Ollama and llama.cpp are for the others.
"""
