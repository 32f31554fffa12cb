-- What the statements of guard_corpus.tsv are about. Not granted: the table secret and the column users.password_hash.
CREATE TABLE t (a INTEGER, b INTEGER, d DATE, name TEXT, note TEXT, j TEXT, created_at TEXT, updated_at TEXT, deleted_at TEXT, "weird col" TEXT);
CREATE TABLE s (a INTEGER, name TEXT);
CREATE TABLE users (id INTEGER, name TEXT, password_hash TEXT);
CREATE TABLE "order" (id INTEGER, "group" INTEGER);
CREATE TABLE secret (s TEXT);
