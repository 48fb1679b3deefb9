"""The tables of slurmdbd's MySQL schema, 20.11 to 26.05, as data.

A table is its name (with the releases that have it), one line a column and one line a key.  A column is
``name type[!][=default] [auto] [@first-last]``: ``!`` is NOT NULL, ``auto``
AUTO_INCREMENT, ``@`` the releases that have it (open ends: all before, all
after).  A ``~`` behind a key's column is the index prefix of a text column.
``{a,b}`` in a table's name stands for one table each.

Types: iN/uN signed and unsigned integers of N bits (n64: unsigned values
above 2^63 occur), f64 double, tiny/text/long texts, blob, stamp timestamp.

Source: the schema as written by slurmdbd 25.11, compared with the column sets of
the other releases.
"""

from __future__ import annotations

#: one set a database
GLOBAL = """
acct_coord_table
  creation_time u64!
  mod_time u64!=0
  deleted i8=0
  acct tiny!
  user tiny!
  primary acct~,user~
  index user user~
acct_table
  creation_time u64!
  mod_time u64!=0
  deleted i8=0
  flags u32=0 @24.05-
  name tiny!
  description text!
  organization text!
  primary name~
clus_res_table
  creation_time u64!
  mod_time u64!=0
  deleted i8=0
  cluster tiny!
  res_id i32!
  allowed u32=0 @23.02-
  percent_allowed u32=0 @-22.05
  primary res_id,cluster~
cluster_table
  creation_time u64!
  mod_time u64!=0
  deleted i8=0
  name tiny!
  id i16 @24.11-
  control_host tiny!=
  control_port u32!=0
  last_port u32!=0
  rpc_version u16!=0
  classification u16=0
  dimensions u16=1
  flags u32=0
  federation tiny!
  features text!=
  fed_id u32!=0
  fed_state u16!
  plugin_id_select u16=0 @-23.11
  primary name~
convert_version_table
  mod_time u64!=0
  version i32!=0
  primary version
federation_table
  creation_time u32!
  mod_time u32!=0
  deleted i8=0
  name tiny!
  flags u32=0
  primary name~
qos_table
  creation_time u64!
  mod_time u64!=0
  deleted i8=0
  id i32! auto
  name tiny!
  description text
  flags u32=0
  grace_time u32
  max_jobs_pa i32
  max_jobs_per_user i32
  max_jobs_accrue_pa i32
  max_jobs_accrue_pu i32
  min_prio_thresh i32
  max_submit_jobs_pa i32
  max_submit_jobs_per_user i32
  max_tres_pa text!=
  max_tres_pj text!=
  max_tres_pn text!=
  max_tres_pu text!=
  max_tres_mins_pj text!=
  max_tres_run_mins_pa text!=
  max_tres_run_mins_pu text!=
  min_tres_pj text!=
  max_wall_duration_per_job i32
  grp_jobs i32
  grp_jobs_accrue i32
  grp_submit_jobs i32
  grp_tres text!=
  grp_tres_mins text!=
  grp_tres_run_mins text!=
  grp_wall i32
  preempt text!=
  preempt_mode i32=0
  preempt_exempt_time u32
  priority u32=0
  usage_factor f64!=1
  usage_thres f64
  limit_factor f64 @21.08-
  primary id
  unique udex name~
res_table
  creation_time u64!
  mod_time u64!=0
  deleted i8=0
  id i32! auto
  name tiny!
  description text
  manager tiny!
  server tiny!
  count u32=0
  type u32=0
  flags u32=0
  last_consumed u32=0 @23.02-
  primary id
  unique udex name~,server~,type
table_defs_table
  creation_time u32!
  mod_time u32!=0
  table_name text!
  definition text!
  primary table_name~
tres_table
  creation_time u64!
  deleted i8!=0
  id i32! auto
  type tiny!
  name tiny!=
  primary id
  unique udex type~,name~
txn_table
  deleted i8!=0 @24.11-
  id i32! auto
  timestamp u64!=0
  action i16!
  name text!
  actor tiny!
  cluster tiny!=
  info blob
  primary id
  index archive_delete deleted
  index archive_purge timestamp,cluster~
user_table
  creation_time u64!
  mod_time u64!=0
  deleted i8=0
  name tiny!
  admin_level i16!=1
  primary name~
"""

#: one set a cluster, names prefixed by "<cluster>_"
CLUSTER = """
assoc_table
  creation_time u64!
  mod_time u64!=0
  deleted i8!=0
  comment text @23.02-
  flags u32!=0 @24.05-
  is_def i8!=0
  id_assoc u32! auto
  user tiny!=
  acct tiny!
  partition tiny!=
  parent_acct tiny!=
  id_parent u32! @23.11-
  lineage text @23.11-
  shares i32!=1
  max_jobs i32
  max_jobs_accrue i32
  min_prio_thresh i32
  max_submit_jobs i32
  max_tres_pj text!=
  max_tres_pn text!=
  max_tres_mins_pj text!=
  max_tres_run_mins text!=
  max_wall_pj i32
  grp_jobs i32
  grp_jobs_accrue i32
  grp_submit_jobs i32
  grp_tres text!=
  grp_tres_mins text!=
  grp_tres_run_mins text!=
  grp_wall i32
  priority u32
  def_qos_id i32
  qos blob!=
  delta_qos blob!=
  lft i32!=0 @-24.11
  rgt i32!=0 @-24.11
  primary id_assoc
  unique udex user~,acct~,partition~
{assoc,wckey}_usage_{hour,day,month}_table
  creation_time u64!
  mod_time u64!=0
  deleted i8!=0
  id u32!
  id_alt u32!=0 @24.11-
  id_tres i32!=1
  time_start u64!
  alloc_secs u64!=0
  primary id,id_tres,time_start
  index archive_delete deleted
  index archive_purge mod_time
qos_usage_{hour,day,month}_table @24.11-
  creation_time u64!
  mod_time u64!=0
  deleted i8!=0
  id u32!
  id_alt u32!=0 @24.11-
  id_tres i32!=1
  time_start u64!
  alloc_secs u64!=0
  primary id,id_alt,id_tres,time_start
  index archive_delete deleted
  index archive_purge mod_time
event_table
  deleted i8!=0 @24.11-
  time_start u64!
  time_end u64!=0
  node_name tiny!=
  extra text @23.11-
  cluster_nodes text!=
  instance_id text @23.11-
  instance_type text @23.11-
  reason tiny!
  reason_uid u32!=NO_VAL
  state u32!=0
  tres text!=
  primary node_name~,time_start
  index rollup time_start,time_end,state
  index archive_delete deleted
  index archive_purge time_end
job_env_table @22.05-
  deleted i8!=0 @24.11-
  hash_inx u64! auto
  last_used stamp!=now
  env_hash text!
  env_vars long
  primary hash_inx
  unique env_hash_inx env_hash~
  index archive_delete deleted
job_script_table @22.05-
  deleted i8!=0 @24.11-
  hash_inx u64! auto
  last_used stamp!=now
  script_hash text!
  batch_script long
  primary hash_inx
  unique script_hash_inx script_hash~
  index archive_delete deleted
job_table
  job_db_inx u64! auto
  mod_time u64!=0
  deleted i8!=0
  account tiny
  admin_comment text
  array_task_str text
  array_max_tasks u32!=0
  array_task_pending u32!=0
  constraints text=
  container text @21.08-
  cpus_req u32!
  derived_ec u32!=0
  derived_es text
  env_hash_inx u64!=0 @22.05-
  exit_code u32!=0
  extra text @23.02-
  flags u32!=0
  failed_node tiny @23.02-
  job_name tiny!
  id_assoc u32!
  id_array_job u32!=0
  id_array_task u32!=NO_VAL
  id_block tiny
  id_job u32!
  id_qos u32!=0
  id_resv u32!
  id_wckey u32!
  id_user u32!
  id_group u32!
  het_job_id u32!
  het_job_offset u32!
  kill_requid u32
  state_reason_prev u32!
  licenses text @23.02-
  mcs_label tiny=
  mem_req n64!=0
  nodelist text
  nodes_alloc u32!
  node_inx text
  partition tiny!
  priority u32!
  qos_req text @24.11-
  restart_cnt u16=0 @24.11-
  resv_req text @25.05-
  script_hash_inx u64!=0 @22.05-
  state u32!
  timelimit u32!=0
  time_submit u64!=0
  time_eligible u64!=0
  time_start u64!=0
  time_end u64!=0
  time_suspended u64!=0
  gres_used text!=
  wckey tiny!=
  work_dir text!=
  segment_size u16!=0 @25.05-
  std_err text!= @24.05-
  std_in text!= @24.05-
  std_out text!= @24.05-
  submit_line long @21.08-
  system_comment text
  tres_alloc text!=
  tres_req text!=
  track_steps i8! @-21.08
  batch_script long @21.08-21.08
  env_vars long @21.08-21.08
  exclusive tiny @26.05-
  oversubscribe tiny @26.05-
  sluid u64!=0 @26.05-
  primary job_db_inx
  unique id_job id_job,time_submit
  index old_tuple id_job,id_assoc,time_submit
  index rollup time_eligible,time_end
  index rollup2 time_end,time_eligible
  index nodes_alloc nodes_alloc
  index wckey id_wckey
  index qos id_qos
  index association id_assoc
  index array_job id_array_job
  index het_job het_job_id
  index reserv id_resv
  index sacct_def id_user,time_start,time_end
  index sacct_def2 id_user,time_end,time_eligible
  index env_hash_inx env_hash_inx
  index script_hash_inx script_hash_inx
  index archive_delete deleted
  index archive_purge time_end
last_ran_table
  hourly_rollup u64!=0
  daily_rollup u64!=0
  monthly_rollup u64!=0
  primary hourly_rollup,daily_rollup,monthly_rollup
resv_table
  id_resv u32!=0
  deleted i8!=0
  assoclist text!=
  flags u64!=0
  nodelist text!=
  node_inx text!=
  resv_name text!
  time_start u64!=0
  time_end u64!=0
  time_force u64!=0 @25.05-
  tres text!=
  unused_wall f64!=0
  comment text @23.02-
  primary id_resv,time_start
  index archive_delete deleted
  index archive_purge time_end
step_table
  job_db_inx u64!
  deleted i8!=0
  exit_code i32!=0
  id_step i32!
  step_het_comp u32!=NO_VAL
  kill_requid u32
  nodelist text!
  nodes_alloc u32!
  node_inx text
  state u16!
  step_name text!
  task_cnt u32!
  task_dist i32!=0
  time_start u64!=0
  time_end u64!=0
  time_suspended u64!=0
  timelimit u32!=0 @25.05-
  user_sec u64!=0
  user_usec u32!=0
  sys_sec u64!=0
  sys_usec u32!=0
  act_cpufreq f64!=0
  consumed_energy n64!=0
  container text @21.08-
  req_cpufreq_min u32!=0
  req_cpufreq u32!=0
  req_cpufreq_gov u32!=0
  cwd text!= @25.05-
  std_err text!= @25.05-
  std_in text!= @25.05-
  std_out text!= @25.05-
  submit_line long @21.08-
  tres_alloc text!=
  tres_usage_in_ave text!=
  tres_usage_in_max text!=
  tres_usage_in_max_taskid text!=
  tres_usage_in_max_nodeid text!=
  tres_usage_in_min text!=
  tres_usage_in_min_taskid text!=
  tres_usage_in_min_nodeid text!=
  tres_usage_in_tot text!=
  tres_usage_out_ave text!=
  tres_usage_out_max text!=
  tres_usage_out_max_taskid text!=
  tres_usage_out_max_nodeid text!=
  tres_usage_out_min text!=
  tres_usage_out_min_taskid text!=
  tres_usage_out_min_nodeid text!=
  tres_usage_out_tot text!=
  primary job_db_inx,id_step,step_het_comp
  index archive_delete deleted
  index archive_purge time_end
suspend_table
  deleted i8!=0 @24.11-
  job_db_inx u64!
  id_assoc i32!
  time_start u64!=0
  time_end u64!=0
  primary job_db_inx,time_start
  index archive_delete deleted
  index archive_purge time_end
usage_{hour,day,month}_table
  creation_time u64!
  mod_time u64!=0
  deleted i8!=0
  id_tres i32!
  time_start u64!
  count u64!=0
  alloc_secs u64!=0
  down_secs u64!=0
  pdown_secs u64!=0
  idle_secs u64!=0
  plan_secs u64!=0 @21.08-
  over_secs u64!=0
  resv_secs u64!=0 @-20.11
  primary id_tres,time_start
  index archive_delete deleted
  index archive_purge mod_time
wckey_table
  creation_time u64!
  mod_time u64!=0
  deleted i8!=0
  is_def i8!=0
  id_wckey u32! auto
  wckey_name tiny!=
  user tiny!
  primary id_wckey
  unique udex wckey_name~,user~
"""
