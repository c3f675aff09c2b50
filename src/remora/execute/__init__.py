"""Execute: from intents to block orders on operator wallets, to fills, to what each follower gets of them."""
