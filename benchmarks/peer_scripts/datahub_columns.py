"""Asks DataHub's classifier which columns hold personal data; its default weights and threshold."""

import contextlib
import io
import json
import sys
import time

import spacy

spacy.load = lambda *_, **__: spacy.blank("en")  # it would download a model of names, which can't be had here
with contextlib.redirect_stdout(io.StringIO()):
    from datahub_classify.helper_classes import ColumnInfo, Metadata
    from datahub_classify.infotype_predictor import predict_infotypes
    from datahub_classify.reference_input import input1

THRESHOLD = 0.68


def main():
    columns = json.load(sys.stdin)
    infos = [
        ColumnInfo(
            Metadata({"Name": c["name"], "Description": "", "Datatype": "str", "Dataset_Name": c["table"]}),
            [text for text in c["values"] if text],
        )
        for c in columns
    ]
    kinds = [kind for kind in input1 if kind not in ("Age", "Person_Name_NER")]
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        judged = predict_infotypes(infos, THRESHOLD, input1, kinds)
    seconds = time.perf_counter() - started
    by_place = {id(info): bool(info.infotype_proposals) for info in judged}
    print(json.dumps({"found": [by_place.get(id(info), False) for info in infos], "seconds": seconds}))


main()
