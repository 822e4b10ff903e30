"""Invites: how a machine gets the secret by a short one-time code.

    guest                                  inviter                    both have the code, the relay has not
    hello: SPAKE2                      ->
                                       <-  SPAKE2
    confirmation, its host (sealed)    ->                             now the inviter knows whether it has the code
                                       <-  confirmation, the secret (sealed)  |  failure
    kept                               ->                             the secret is on the guest's disk

`code` makes and reads codes, `pake` is the cryptography, `guest` and `inviter` are the two state machines: no clock, no
randomness, no I/O.

**The guest confirms first.** SPAKE2's messages reveal nothing about the code, and the inviter sends nothing else before
it has judged a confirmation. So a guess costs a confirmation, each wrong one is a try, and three end the invite. A
guest that is cut off or stalls before its confirmation has learnt nothing, so that is no try: a stranger who knows only
the code's number can't use up tries by connecting and leaving. (A stranger's three wrong confirmations do end it;
no other harm is done.) For the same reason guests need not come one at a time. Each has its own exchange, the inviter
judges them in the order of their confirmations, and a stalled guest blocks nobody.

**A man in the middle** (the relay, or anything in between) can play the inviter to a guest, with one guess each time
that the guest uses the code, and can play a guest, with three guesses. Each guess is right once in 16 million. Hence
invites do not need the relay's TLS certificate to be verified.

**The invite is spent when the secret is sent**, not when the guest has kept it: two guests must never get it with one
code. A guest that fails in between needs another invite, and the inviter reports that it does not know the outcome.
"""
