alone
pushed erp v15.1
mkdir -p /srv/deploy/overrides /srv/erp /root/gitops
cp /opt/brought/compose.yaml /srv/deploy/compose.yaml
cp /opt/brought/noproxy.yaml /srv/deploy/overrides/noproxy.yaml
printf 'ERP_VERSION=v15.1\nSITE=erp.example\nAPI_TOKEN=%s\n' "$(password)" >/root/gitops/erp-one.env
chmod 600 /root/gitops/erp-one.env
erp pull backend
erp up -d
eventually curl -sS http://127.0.0.1:443/api/method/ping
