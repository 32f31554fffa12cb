-- The outdoor shop. Money is REAL, in euros, always whole quarters (12.75), so that sums are exact.
-- Dates are ISO text.
CREATE TABLE cust (
  cid INTEGER PRIMARY KEY,
  nm TEXT NOT NULL UNIQUE, -- name of the person, company or club
  city TEXT,
  ctry TEXT NOT NULL, -- ISO country code
  seg TEXT NOT NULL, -- P private, B business, S school or club, V VIP
  joined DATE NOT NULL,
  news INTEGER NOT NULL, -- 1 gets the newsletter
  via INTEGER REFERENCES cust (cid) -- the customer who referred this one
);
CREATE TABLE store (
  sid INTEGER PRIMARY KEY,
  city TEXT NOT NULL UNIQUE,
  ctry TEXT NOT NULL,
  opened DATE NOT NULL,
  area INTEGER NOT NULL -- square metres
);
CREATE TABLE staff (
  eid INTEGER PRIMARY KEY,
  nm TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL, -- DIR director, MGR store manager, SLS sales, WHS warehouse, BUY buyer, CSR customer service
  sid INTEGER REFERENCES store (sid), -- empty: head office
  boss INTEGER REFERENCES staff (eid),
  hired DATE NOT NULL,
  pay REAL NOT NULL -- euros a month
);
CREATE TABLE cat (
  cat_id INTEGER PRIMARY KEY,
  nm TEXT NOT NULL UNIQUE,
  up INTEGER REFERENCES cat (cat_id) -- the category above
);
CREATE TABLE item (
  sku INTEGER PRIMARY KEY,
  nm TEXT NOT NULL UNIQUE,
  brand TEXT NOT NULL,
  cat_id INTEGER NOT NULL REFERENCES cat (cat_id),
  price REAL NOT NULL, -- list price in euros
  wt REAL, -- weight in kg
  live INTEGER NOT NULL -- 0 discontinued
);
CREATE TABLE vend (
  vid INTEGER PRIMARY KEY,
  nm TEXT NOT NULL UNIQUE,
  ctry TEXT NOT NULL,
  days INTEGER NOT NULL -- lead time
);
CREATE TABLE src (
  vid INTEGER NOT NULL REFERENCES vend (vid),
  sku INTEGER NOT NULL REFERENCES item (sku),
  cost REAL NOT NULL, -- purchase price in euros
  PRIMARY KEY (vid, sku)
);
CREATE TABLE stk (
  sid INTEGER NOT NULL REFERENCES store (sid),
  sku INTEGER NOT NULL REFERENCES item (sku),
  qty INTEGER NOT NULL,
  low INTEGER NOT NULL, -- reorder level
  PRIMARY KEY (sid, sku)
);
CREATE TABLE ord (
  oid INTEGER PRIMARY KEY,
  cid INTEGER NOT NULL REFERENCES cust (cid),
  sid INTEGER REFERENCES store (sid), -- empty: online order
  eid INTEGER REFERENCES staff (eid), -- who sold it
  dt DATE NOT NULL,
  stat TEXT NOT NULL, -- N new, P packed, S shipped, D done, H on hold, X cancelled
  pm TEXT NOT NULL -- CC card, PP PayPal, INV invoice, CA cash, GV gift voucher
);
CREATE TABLE ordln (
  oid INTEGER NOT NULL REFERENCES ord (oid),
  sku INTEGER NOT NULL REFERENCES item (sku),
  qty INTEGER NOT NULL,
  price REAL NOT NULL, -- euros paid for one, after discount
  disc INTEGER NOT NULL, -- discount in percent
  rtn INTEGER NOT NULL, -- units sent back
  why TEXT, -- reason of the return: SZ size, DM damaged, WR wrong item, NL not liked, LT late
  PRIMARY KEY (oid, sku)
);
CREATE TABLE dlv (
  oid INTEGER PRIMARY KEY REFERENCES ord (oid),
  carr TEXT NOT NULL, -- carrier: DHL, UPS, GLS, PST the post, VAN our own van
  sent DATE NOT NULL,
  got DATE, -- day of arrival
  fee REAL NOT NULL -- euros
);
CREATE TABLE rev (
  cid INTEGER NOT NULL REFERENCES cust (cid),
  sku INTEGER NOT NULL REFERENCES item (sku),
  stars INTEGER NOT NULL, -- 1 to 5
  dt DATE NOT NULL,
  note TEXT,
  PRIMARY KEY (cid, sku)
);
CREATE INDEX ord_cid ON ord (cid);
CREATE INDEX ordln_sku ON ordln (sku);
CREATE INDEX rev_sku ON rev (sku);
