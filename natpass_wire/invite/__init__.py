"""Invites: how a machine gets the secret by a short one-time code.

    guest                                  inviter                    both have the code, the relay has not
    hello: SPAKE2                      ->
                                       <-  SPAKE2
    confirmation, its host (sealed)    ->                             now the inviter knows whether it has the code
                                       <-  confirmation, the secret (sealed)  |  failure
    kept                               ->                             the secret is on the guest's disk

`code` makes and reads codes, `pake` is the cryptography, `guest` and `inviter` are the two state machines: no clock, no
randomness, no I/O.

**The guest confirms first.** SPAKE2's messages tell nobody anything about the code, and until the inviter has judged a
confirmation it has said nothing else. So a guess costs a confirmation, each wrong one is a try, and three end the
invite. A guest that is cut off or stalls before its confirmation has learnt nothing: that is no try, and a stranger who
knows only the number in front of the code can't use up tries by coming and going. (By confirming wrongly it can, three
times: then the invite is over, and no harm is done.) For the same reason guests need not come one at a time: each has
an exchange of its own, they are judged in the order of their confirmations, and who stalls blocks nobody.

**Who is in the middle** (the relay, or whoever stands before it) can play the inviter to a guest, and gets one guess
for each time that the guest is told to use the code, and three by playing a guest: each of them right once in 16
million. Hence nothing here needs the relay's TLS certificate to be the right one.

**It is spent when the secret is sent**, not when the guest has kept it: two guests must never have it by one code. A
guest that fails in between needs another invite, and the inviter is told that it does not know.
"""
