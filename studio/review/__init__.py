"""Review: people decide what scored files show, and so how good the alarms are, and what is to be learnt."""
