"""What each client program reads by itself: a line that ends a statement, and one that stands between statements."""

from __future__ import annotations

import re

GO = re.compile(r"GO(?:[ \t]+\d+)?[ \t]*;?[ \t]*(?:--[^\n]*)?(?:\r?$)", re.IGNORECASE | re.MULTILINE)
SLASH = re.compile(r"/[ \t\r]*$", re.MULTILINE)
BACKSLASH = re.compile(r"\\[^\n]*")
COPY = re.compile(r"COPY\b[^;]*?\bFROM\s+stdin\b[^;]*;[^\n]*\n", re.IGNORECASE)
BETWEEN = {
    "oracle": re.compile(
        r"(?:REM(?:ARK)?|PROMPT)(?![^\s])[^\n]*"
        r"|(?:SET|EXIT|QUIT|SPOOL|DEF(?:INE)?|UNDEF(?:INE)?|WHENEVER|CONN(?:ECT)?|SHO(?:W)?|COL(?:UMN)?|ACC(?:EPT)?"
        r"|PAU(?:SE)?|HO(?:ST)?|VAR(?:IABLE)?|PRINT|EXEC(?:UTE)?|DESC(?:RIBE)?|TTI(?:TLE)?|BTI(?:TLE)?|BRE(?:AK)?"
        r"|CL(?:EAR)?|TIMI(?:NG)?|STORE|ARCHIVE|STARTUP|SHUTDOWN|PASSW(?:ORD)?|DISC(?:ONNECT)?)(?![^\s;])"
        r"(?:[^\n]*-[ \t]*\r?\n)*[^\n]*|(?:@@?|START\s)[^\n]*|![^\n]*",
        re.IGNORECASE,
    ),
    "tsql": re.compile(r":[a-z!][^\n]*|!![^\n]*", re.IGNORECASE),
    "mysql": re.compile(r"DELIMITER[ \t]+\S[^\n]*|(?:source|system|tee|notee)[ \t][^\n]*", re.IGNORECASE),
    "": re.compile(r"\.[a-z][^\n]*|![a-z][^\n]*", re.IGNORECASE),
}
DELIMITER = re.compile(r"DELIMITER[ \t]+(\S+)", re.IGNORECASE)
FILE = re.compile(
    r"(?:@@?|START\s|:r\s|\\ir?\s|\\include\s|\\\.\s|source\s|\.read\s|!run\s)\s*([^\s;]+)", re.IGNORECASE
)
