"""Questions: languages become one AST, the AST becomes a plan, the plan becomes rows."""
