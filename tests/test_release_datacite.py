"""DataCite metadata: from citation and contract, valid by DataCite's own schema."""

from datacite import schema45

from pipeline.contract import Contract
from pipeline.params import validate
from pipeline.release.datacite import affiliation, creator, describe
from pipeline.release.zenodo import record_metadata

CITED = {
    "title": "Flights & delays",
    "authors": [
        {
            "family-names": "Lovelace",
            "given-names": "Ada",
            "orcid": "https://orcid.org/0000-0002-1825-0097",
            "affiliation": "CERN (https://ror.org/01ggx4157)",
        },
        {"family-names": "Linné", "name-particle": "von", "affiliation": "Uppsala"},
        {"name": "CERN", "website": "https://ror.org/01ggx4157"},
    ],
    "version": "1.0.0",
    "date-released": "2026-11-25",
    "doi": "10.5072/zenodo.102",
    "abstract": "Flights <in> January.",
    "keywords": ["delay", "delay", "weather"],
    "repository-code": "https://example.org/project",
}
TABLE = {"name": "t", "path": "data/raw/t/t.csv", "schema": {"fields": []}}


def package(**more: object) -> Contract:
    content = {
        "name": "flights",
        "licenses": [{"name": "CC0-1.0", "path": "https://creativecommons.org/publicdomain/zero/1.0/"}],
        "sources": [{"title": "A paper", "path": "https://doi.org/10.1000/xyz.1"}],
        "resources": [
            TABLE | {"sources": [{"title": "A page", "path": "https://example.org/a"}, {"title": "By post"}]}
        ],
    }
    return validate(Contract, content | more, "contract.yaml")


def test_the_whole_is_valid_by_the_schema_4_5():
    described = describe(CITED, package(description="Every flight."), "Zenodo")
    schema45.validator.validate(described)
    assert list(described) == [
        "doi", "types", "creators", "titles", "publisher", "publicationYear", "dates", "version", "subjects",
        "rightsList", "descriptions", "relatedIdentifiers", "schemaVersion",
    ]  # fmt: skip
    assert described["publisher"] == {"name": "Zenodo"}
    assert described["publicationYear"] == "2026"


def test_as_little_as_a_citation_can_say_is_valid_too():
    cited = {"title": "T", "authors": [{"name": "A group"}], "version": "1", "date-released": "2026-01-02"}
    described = describe(cited, package(sources=None, resources=[TABLE], licenses=[{"title": "Ask us"}]))
    schema45.validator.validate(described)
    assert described["publisher"] == {"name": "A group"}
    assert described["rightsList"] == [{"rights": "Ask us"}]
    assert "relatedIdentifiers" not in described


def test_creators_have_orcid_and_ror():
    orcid = {"nameIdentifier": "0000-0002-1825-0097", "nameIdentifierScheme": "ORCID", "schemeUri": "https://orcid.org"}
    ror = {
        "affiliationIdentifier": "https://ror.org/01ggx4157",
        "affiliationIdentifierScheme": "ROR",
        "schemeUri": "https://ror.org",
    }
    assert [creator(author) for author in CITED["authors"]] == [
        {
            "name": "Lovelace, Ada",
            "nameType": "Personal",
            "familyName": "Lovelace",
            "givenName": "Ada",
            "nameIdentifiers": [orcid],
            "affiliation": [{"name": "CERN", **ror}],
        },
        {"name": "von Linné", "nameType": "Personal", "familyName": "von Linné", "affiliation": [{"name": "Uppsala"}]},
        {
            "name": "CERN",
            "nameType": "Organizational",
            "nameIdentifiers": [
                {
                    "nameIdentifier": "https://ror.org/01ggx4157",
                    "nameIdentifierScheme": "ROR",
                    "schemeUri": "https://ror.org",
                }
            ],
        },
    ]
    for text in ("CERN, https://ror.org/01ggx4157", "CERN <ror.org/01ggx4157>", "https://ror.org/01ggx4157 CERN"):
        assert affiliation(text) == {"name": "CERN", **ror}


def test_the_data_are_derived_from_each_source_and_made_by_the_code():
    assert describe(CITED, package())["relatedIdentifiers"] == [
        {"relatedIdentifier": "10.1000/xyz.1", "relatedIdentifierType": "DOI", "relationType": "IsDerivedFrom"},
        {"relatedIdentifier": "https://example.org/a", "relatedIdentifierType": "URL", "relationType": "IsDerivedFrom"},
        {
            "relatedIdentifier": "https://example.org/project",
            "relatedIdentifierType": "URL",
            "relationType": "IsCompiledBy",
        },
    ]


def test_the_record_of_an_archive_says_the_same():
    record = record_metadata(describe(CITED, package(), "Zenodo"))
    assert record == {
        "resource_type": {"id": "dataset"},
        "title": "Flights & delays",
        "publication_date": "2026-11-25",
        "version": "1.0.0",
        "publisher": "Zenodo",
        "creators": [
            {
                "person_or_org": {
                    "type": "personal",
                    "family_name": "Lovelace",
                    "given_name": "Ada",
                    "identifiers": [{"scheme": "orcid", "identifier": "0000-0002-1825-0097"}],
                },
                "affiliations": [{"id": "01ggx4157", "name": "CERN"}],
            },
            {
                "person_or_org": {"type": "personal", "family_name": "von Linné", "given_name": ""},
                "affiliations": [{"name": "Uppsala"}],
            },
            {
                "person_or_org": {
                    "type": "organizational",
                    "name": "CERN",
                    "identifiers": [{"scheme": "ror", "identifier": "01ggx4157"}],
                }
            },
        ],
        "description": "<p>Flights &lt;in&gt; January.</p>",
        "subjects": [{"subject": "delay"}, {"subject": "weather"}],
        "rights": [{"id": "cc0-1.0"}],
        "related_identifiers": [
            {"identifier": "10.1000/xyz.1", "scheme": "doi", "relation_type": {"id": "isderivedfrom"}},
            {"identifier": "https://example.org/a", "scheme": "url", "relation_type": {"id": "isderivedfrom"}},
            {"identifier": "https://example.org/project", "scheme": "url", "relation_type": {"id": "iscompiledby"}},
        ],
    }


def test_a_licence_without_an_identifier_is_said_in_words():
    described = describe(CITED, package(licenses=[{"title": "Ask us", "path": "https://example.org/ask"}]))
    assert record_metadata(described)["rights"] == [{"title": {"en": "Ask us"}, "link": "https://example.org/ask"}]
