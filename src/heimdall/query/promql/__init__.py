"""PromQL answered over series: numbers made of logs, and the node's own metrics.

source     what series are selected from
logs       counts, bytes, durations and fields of records, as the engine groups them
own        the node's own metrics, kept for some hours
evaluate   a tree → its series over steps
windows    functions over the samples of a window
operators  operators between series, aggregations over them
functions  functions of a step's values
service    Prometheus' questions
"""
