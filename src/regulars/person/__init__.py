"""Everything held about one person: put together in `gathering`, said in `values`, written by `page` and `as_json`."""
