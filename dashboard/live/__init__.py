"""Pages kept up to date in browsers: screens, fragments, and the WebSocket that streams them."""
