-- A table of 60,000 rows, an index, a grouping and a join.
create table item(id integer primary key, name text, class int);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
  insert into item select i, printf('item %d', i * 7907 % 60000), i % 89 from n;
create index by_name on item(name);
select class, count(*), sum(id), min(name) from item group by class order by 3 limit 5;
select count(*) from item a join item b on a.name = b.name where a.class < 9;
