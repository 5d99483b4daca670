"""What campaigns did: the arms of each, the difference between them from its decision day on, and what it is worth.

`Regulars.campaigns.effect` and `effects` ask it; what they return is here.
"""

from regulars.effects.values import (
    ArmOutcome,
    CampaignArm,
    CampaignEffect,
    CampaignEffects,
    CampaignReading,
    Difference,
    EffectVerdict,
    Exploratory,
    KindEffect,
    Overlap,
    PooledCampaign,
    PooledReading,
)

__all__ = [
    "ArmOutcome",
    "CampaignArm",
    "CampaignEffect",
    "CampaignEffects",
    "CampaignReading",
    "Difference",
    "EffectVerdict",
    "Exploratory",
    "KindEffect",
    "Overlap",
    "PooledCampaign",
    "PooledReading",
]
