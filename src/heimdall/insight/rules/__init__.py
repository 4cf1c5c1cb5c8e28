"""Rules: what people ask to be told about, as conditions in HQL over the records that come in.

`Rule` says it, `RuleSet` finds the records of many conditions at once, `RuleEngine` keeps what a rule must remember
between batches and makes `Firing`s of it.
"""
