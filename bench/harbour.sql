CREATE TABLE ship (id INTEGER PRIMARY KEY, name TEXT, flag TEXT, built INTEGER, tonnage TEXT);
INSERT INTO ship VALUES (1, 'Aurora', 'NO', 1998, '12000'), (2, 'Brisk', 'NO', 2010, '900'),
    (3, 'Corvo', 'PT', 2010, '4500'), (4, 'Dunlin', 'PT', 1987, '800'), (5, 'Eider', 'DK', 2003, '15500'),
    (6, 'Fulmar', 'DK', 1998, '7000'), (7, 'Gannet', 'IS', 2018, '300'), (8, 'Heron', 'IS', 1975, '600');
CREATE TABLE visit (id INTEGER PRIMARY KEY, ship_id INTEGER REFERENCES ship (id), day DATE, fee REAL, berth TEXT);
INSERT INTO visit VALUES (1, 1, '2023-03-01', 410.5, 'B2'), (2, 1, '2023-07-19', 395.0, 'B10'),
    (3, 2, '2023-07-19', 120.0, 'B2'), (4, 3, '2023-09-02', 260.25, 'B7'), (5, 3, '2024-01-11', 260.25, 'B7'),
    (6, 5, '2024-02-20', 510.0, 'B10'), (7, 6, '2024-02-21', 75.5, 'B1'), (8, 7, '2024-05-05', 88.0, 'B1'),
    (9, 5, '2099-01-01', 530.0, 'B10'), (10, 8, '2098-06-15', 99.0, 'B7');
CREATE TABLE sailor (id INTEGER PRIMARY KEY, ship_id INTEGER REFERENCES ship (id), name TEXT, rank TEXT, wage INTEGER);
INSERT INTO sailor VALUES (1, 1, 'Aas', 'mate', 3100), (2, 1, 'Berg', 'cook', 2400), (3, 2, 'Costa', 'mate', NULL),
    (4, 3, 'Dias', 'cook', 2400), (5, 3, 'Esteves', 'mate', 3300), (6, 5, 'Friis', 'captain', 5200),
    (7, 6, 'Gram', 'captain', 4900), (8, 7, 'Hall', 'mate', 2900), (9, 7, 'Ivarsson', 'cook', NULL);
CREATE TABLE berth (code TEXT PRIMARY KEY, depth REAL, places TEXT);
INSERT INTO berth VALUES ('B1', 4.5, '2'), ('B2', 7.0, '3'), ('B7', NULL, '10'), ('B10', 11.5, '1');
