"""The audit classes that training code may already call, recorded into the ledger."""
