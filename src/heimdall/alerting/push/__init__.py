"""Web Push: who has subscribed, the node's identity towards push services, and the encryption of what is sent."""
