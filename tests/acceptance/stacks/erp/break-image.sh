pushed erp v15.2 broken
sed -i 's/^ERP_VERSION=.*/ERP_VERSION=v15.2/' /root/gitops/erp-one.env
erp pull backend
erp up -d
