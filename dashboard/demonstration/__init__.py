"""Two invented organisations and their traffic, for somebody who looks at Gatehouse for the first time."""
