"""Words that enumerations, notes and product columns hold, by language where people write in their own."""

from __future__ import annotations


def _split(text: str) -> list[str]:
    return [word.strip() for word in text.split("|")]


LISTS: dict[str, dict[str, list[str]]] = {
    name: {language: _split(text) for language, text in by_language.items()}
    for name, by_language in {
        "religion": {
            "en": "Catholic|Protestant|Muslim|Jewish|Hindu|Buddhist|Sikh|Atheist|Orthodox|None",
            "de": "rk|ev|römisch-katholisch|evangelisch|muslimisch|jüdisch|konfessionslos",
            "ro": "Ortodox|Romano-catolic|Greco-catolic|Reformat|Musulman|Fără religie",
        },
        "ethnicity": {
            "en": "White|Black or African American|Asian|Hispanic or Latino|Two or More Races|Native Hawaiian|American Indian"
        },
        "orientation": {"en": "Heterosexual|Gay|Lesbian|Bisexual|Asexual|Pansexual|Queer"},
        "politics": {
            "en": "Liberal|Conservative|Progressive|Libertarian|Socialist|Green|Moderate",
            "fr": "PS|MR|Ecolo|Les Engagés|PTB|DéFI|sans opinion|socialiste|libéral",
        },
        "gender": {
            "en": "Male|Female|Male|Female|Non-binary|Prefer not to say",
            "fr": "H|F|H|F|homme|femme",
            "pl": "K|M",
            "pt": "M|F|Masculino|Feminino",
            "nl": "man|vrouw|m|v",
            "hu": "férfi|nő",
            "tr": "Erkek|Kadın|E|K",
            "ja": "男|女|男性|女性",
        },
        "marital": {
            "en": "Single|Married|Divorced|Widowed|Separated|Domestic partner",
            "de": "ledig|verheiratet|geschieden|verwitwet|getrennt lebend",
            "es": "soltero|casada|casado|divorciado|viudo|soltera|unión de hecho",
        },
        "nationality": {
            "en": "British|French|German|Indian|Polish|Irish|Chinese|American|Brazilian|Nigerian|Italian",
            "de": "deutsch|schweizerisch|italienisch|französisch|türkisch|portugiesisch|österreichisch",
            "ru": "Россия|Казахстан|Украина|Узбекистан|Беларусь|Армения",
        },
        "status": {
            "en": "new|open|paid|closed|cancelled|on hold",
            "pt": "aberto|pago|anulado|pendente",
            "fi": "uusi|auki|valmis",
            "zh": "正常|停用|待审核",
            "bg": "активен|закрит|нов",
        },
        "category": {
            "en": "garden|kitchen|electronics|toys|books",
            "it": "materiali|servizi|trasporti|energia",
            "fr": "roman|essai|jeunesse|poche",
        },
        "colour": {"en": "red|black|white|silver|blue|green|brown"},
        "currency": {"en": "EUR|USD|GBP|CHF|PLN|JPY"},
        "language": {"en": "en|de|fr|es|pt-BR|ja"},
        "browser": {"en": "Safari|Chrome|Firefox|Edge|Opera|Samsung Internet"},
        "card_brand": {"en": "visa|mastercard|amex|discover"},
        "department": {
            "en": "Sales|Finance|Support|Research|Legal|Facilities",
            "de": "Vertrieb|Einkauf|Buchhaltung|Lager|Innere Medizin|Chirurgie",
            "fr": "Cardiologie|Urgences|Pédiatrie|Radiologie|Maternité",
            "sv": "Inköp|Försäljning|Ekonomi|Lager",
        },
        "meal": {"en": "standard|vegetarian|vegan|child|none"},
        "network": {"en": "mainnet|testnet|polygon|arbitrum"},
        "plan": {"en": "S|M|L|XL|Family", "uk": "Базовий|Стандарт|Преміум|Сімейний"},
        "region": {"en": "North|South|East|West", "de": "Bayern|Hessen|Sachsen|Berlin|Saarland|Bremen"},
        "role": {"en": "admin|editor|viewer|billing|support"},
        "ship_method": {"en": "standard|express|pickup|overnight"},
        "building": {"en": "Hall A|Hall B|Tower 1|Annex|Warehouse 3", "de": "Halle 1|Halle 2|Turm|Nordbau|Lager Ost"},
    }.items()
}

HEALTH: dict[str, dict[str, list[str]]] = {
    "diagnosis": {
        "en": _split("Type 2 diabetes mellitus|Essential hypertension|Asthma|Major depressive disorder|Low back pain|"
                     "Gastro-oesophageal reflux|Breast cancer|HIV disease|Epilepsy|Chronic kidney disease stage 3|Migraine"),
        "fr": _split("Diabète de type 2|Hypertension artérielle|Asthme|Épisode dépressif|Lombalgie|Cancer du sein|Épilepsie|"
                     "Pneumonie|Fracture du col du fémur|Insuffisance rénale chronique"),
        "de": _split("Diabetes mellitus Typ 2|Bluthochdruck|Asthma bronchiale|Depressive Episode|Rückenschmerzen|Mammakarzinom|"
                     "Epilepsie|Lungenentzündung|Schenkelhalsfraktur|Chronische Niereninsuffizienz"),
    },
    "allergy": {
        "en": _split("Penicillin|Peanuts|Latex|Pollen|Shellfish|Aspirin|None known"),
        "no": _split("Penicillin|Peanøtter|Lateks|Pollen|Skalldyr|Ingen kjente"),
        "de": _split("Penicillin|Erdnüsse|Latex|Pollen|Hausstaub|Keine bekannt"),
    },
}  # fmt: skip

NOTES: dict[str, list[str]] = {
    "en": _split("Spoke to {full} about the delay, call back on {phone}.|{last} asked us to write to {email} instead.|"
                 "Refund agreed with {full} ({email}).|Left a voicemail for {full}, {phone}, no answer.|"
                 "Customer says her neighbour {full} took the parcel."),
    "de": _split("Mit Frau {last} telefoniert, Rückruf unter {phone}.|{full} bittet um Antwort an {email}.|"
                 "Kulanz mit Herrn {last} vereinbart, siehe Mail von {email}.|Tochter von {full} hat die Ware abgeholt."),
    "fr": _split("Appel de {full}, rappeler au {phone}.|Mme {last} souhaite une réponse à {email}.|"
                 "Le fils de {full} est passé au guichet, tél. {phone}.|Dossier revu avec M. {last}, copie à {email}."),
    "it": _split("Parlato con {full}, richiamare al {phone}.|Il sig. {last} chiede risposta a {email}.|"
                 "Consegna ritirata dalla moglie di {full}, {phone}."),
}  # fmt: skip

PLAIN_NOTES: dict[str, list[str]] = {
    "en": _split("Works well but the battery is weak.|Arrived late, box damaged.|Good progress this term.|Needs more practice with fractions.|"
                 "Would buy again.|Too expensive for what it does."),
    "de": _split("Gute Qualität, schnelle Lieferung.|Könnte günstiger sein.|Bedienung ist zu kompliziert.|Alles bestens, gerne wieder.|"
                 "Die Anleitung fehlt."),
}  # fmt: skip

PRODUCTS = _split("Trail Jacket 2|Desk Lamp Oslo|Galaxy Tab S9|Pixel 8|Corolla Touring|Golf Variant|Model Y|Garden Hose 20 m|"
                  "Espresso Machine Duo|Wireless Mouse M310|Morgan Plus Four|Baker Street Chair|Jordan Bookshelf|Kelly Bag|"
                  "Washington Apple 1 kg|Paris Mirror|Office Suite Pro|Backup Service")  # fmt: skip
BRANDS = _split("Ford|Honda|Mercedes|Siemens|Bosch|Miele|Philips|Dyson|Armani|Ralph Lauren|Jack Daniel's|Levi Strauss|"
                "Hugo Boss|Calvin Klein|Johnson & Johnson|Wells Fargo|Dell|Hewlett")  # fmt: skip
