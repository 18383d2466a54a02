"""Asks Presidio's pattern recognisers, without a language model, which columns hold personal data."""

import json
import sys
import time

import spacy
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

VALUES = 40
SCORE = 0.4


class Blank(NlpEngine):
    """Words only: no model of names can be had without a download."""

    def load(self):
        self._nlp = spacy.blank("en")

    def is_loaded(self):
        return True

    def process_text(self, text, language):
        doc = self._nlp(text)
        return NlpArtifacts([], doc, [token.idx for token in doc], [token.lower_ for token in doc], self, language)

    def process_batch(self, texts, language, **_):
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word, language):
        return False

    def is_punct(self, word, language):
        return not any(c.isalnum() for c in word)

    def get_supported_entities(self):
        return []

    def get_supported_languages(self):
        return ["en"]


def main():
    engine = Blank()
    engine.load()
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    columns = json.load(sys.stdin)
    started = time.perf_counter()
    found = []
    for column in columns:
        values = [text for text in column["values"] if text][:VALUES]
        hits = 0
        for text in values:
            results = analyzer.analyze(text=text, language="en")
            hits += any(one.score >= SCORE and one.end - one.start >= 0.8 * len(text) for one in results)
        found.append(bool(values) and hits >= 0.5 * len(values))
    print(json.dumps({"found": found, "seconds": time.perf_counter() - started}))


main()
