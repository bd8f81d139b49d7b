"""Pages an auditor opens without a shell: a decision, a model, a customer, a period.

Read `report` (what any page is made of), `waterfall` (the sum to a margin as a picture), then
`decision`, `model`, `customer`, `period`, which gather; `writing` puts a page where it was asked
for. One template shows them all.
"""
