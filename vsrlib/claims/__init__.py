"""The earlier report's ten claims, judged in parts by the rules of docs/protocol.md from result files.

Its numbers stand here once, as data (`ten_claims`). The verdicts:
  confirmed                        what the claim says was measured, as large as claimed
  refuted                          what the claim says was measured, and is not so
  mechanism shown                  a cause that makes the claimed figure appear was made to act here, and it acted
  cause unknown                    every cause that was tried here is too small for the claimed figure
  undecided                        it was measured, and the interval holds more than one answer
  not testable here                this run lacks what a test needs, which a user can bring; the reason says what
  not testable with this software  no run of this software can decide it
  not testable with one framework  it is about both frameworks, and the run was asked for one alone
"""
