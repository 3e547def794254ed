"""What an app above says to pages of the apps below it, which know of it only that they may ask (orgs.declarations)."""
