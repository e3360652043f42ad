"""Train two models on the flights of January and February and register both: a training script as you would write it.

    python -m mlops_desktop.tour.train --workspace DIR --user NAME

The password comes from MLOPS_DESKTOP_PASSWORD, or is asked for in a terminal.
"""

from __future__ import annotations

import argparse
from datetime import date
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlops_desktop import client
from mlops_desktop.tour import flights

MODEL = "flight-delay"
SEED = 2013
RARE = 50  # flights


def one_hot() -> OneHotEncoder:
    """Airports and carriers that are rare, or new, share one column."""
    return OneHotEncoder(handle_unknown="ignore", min_frequency=RARE, sparse_output=False)


def simple() -> Any:
    """Fill gaps with the median, scale, and draw one straight line."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = [("numbers", numbers, list(flights.NUMBERS)), ("categories", one_hot(), list(flights.CATEGORIES))]
    return make_pipeline(ColumnTransformer(columns), LogisticRegression(max_iter=500))


def better() -> Any:
    """A hundred small trees, each correcting those before it."""
    numbers = SimpleImputer(strategy="median")
    columns = [("numbers", numbers, list(flights.NUMBERS)), ("categories", one_hot(), list(flights.CATEGORIES))]
    return make_pipeline(ColumnTransformer(columns), HistGradientBoostingClassifier(random_state=SEED))


def main() -> None:
    parser = argparse.ArgumentParser(description="Train and register the two models of the tour.")
    parser.add_argument("--workspace", required=True, metavar="DIR")
    parser.add_argument("--user", metavar="NAME")
    parser.add_argument("--already", type=int, default=0, metavar="N", help="leave out the first N models")
    arguments = parser.parse_args()

    winter = flights.load().between(date(2013, 1, 1), date(2013, 3, 1))
    x_train, x_test, y_train, y_test = train_test_split(
        winter.features, winter.late, test_size=0.25, random_state=SEED, stratify=winter.late
    )
    with client.connect(arguments.workspace, user=arguments.user) as workspace:
        learners = (
            (simple(), "Logistic regression on flight, plane and weather"),
            (better(), "Gradient boosting on the same columns"),
        )
        for pipeline, description in learners[arguments.already :]:
            pipeline.fit(x_train, y_train)
            version = workspace.log_version(
                MODEL,
                pipeline,
                train=(x_train, y_train),
                test=(x_test, y_test),
                params={"learner": type(pipeline[-1]).__name__, "rare_below": RARE},
                seed=SEED,
                key_metric="roc_auc",
                description=description,
            )
            print(f"{version.label}: ROC AUC {version.metrics['roc_auc']:.3f} on {len(x_test):,} held-out flights")  # noqa: T201  a script's output


if __name__ == "__main__":
    main()
