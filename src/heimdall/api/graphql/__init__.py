"""GraphQL at `/graphql`: one document asks several things at once, and gets the fields it names.

schema.graphql  what can be asked
resolvers       the answers, from the query service
cost            what a document may cost, counted before it runs
documents       texts that clients name by their hash
routes          GET and POST; everything else is imported at the first question
"""

from heimdall.api.graphql.routes import graphql_routes

__all__ = ["graphql_routes"]
