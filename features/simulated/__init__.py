"""The demo company: sources as a real company would have them, and the truth kept apart.

Reading order: `weeks` (the calendar), `districts` (failures), `customers` (who they are),
`leaving` (the hidden law), `answers` (through which channel, at which hour), `outreach`, `life`
(week by week), then what each system exports: `orders`, `service`, `leases`,
`registers`, `dirt`; `shifts` (what may go wrong); `truth`; `company` puts it together.
"""

from features.simulated.company import Simulated, simulate
from features.simulated.shifts import Shift

__all__ = ["Shift", "Simulated", "simulate"]
