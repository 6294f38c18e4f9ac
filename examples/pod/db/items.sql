CREATE TABLE items (name text PRIMARY KEY, price integer NOT NULL);
INSERT INTO items VALUES ('tea', 4), ('biscuits', 2);
