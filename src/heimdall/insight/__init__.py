"""What is noticed: detectors, the findings they lead to, and what people say of them.

Read it in the order in which a finding comes about: `detectors/` say how far off something is, `conformal` how rarely
it is that far off, `fusion` what several of them say together and what the alert budget lets through, `finding` what
is told about it, `store` where that is kept.
"""
